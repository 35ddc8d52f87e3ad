/**
 * Forks: a run that goes on where another one was. What had been done there counts as done here, and
 * nothing of it is written again: the fork's first event names the place, and its state is folded on
 * top of what the other run was at that place. Pure.
 */
import { type RunContext, runContext } from "../../machines/run-data.ts";
import { type StepContext, stepContext } from "../../machines/step-data.ts";
import { copyRunState } from "./copy.ts";
import { itemId, itemOf, undoOf } from "./plan.ts";
import { emptyRun, planStep, type RunState, runTable, stepTable } from "./state.ts";
import type { Actor } from "./table.ts";

/** What of a run's memory is taken over; the rest belongs to one life of a run: who hosts it, how it ends. */
const INHERITED: readonly (keyof RunContext)[] = [
  ...(["workflow", "labels", "input"] as const),
  ...(["timers", "fired", "waits", "waited", "approvals", "signals", "taken"] as const),
];

/**
 * The state that the first event of a fork is folded onto. Steps that had ended stay so, except those in
 * `reset`; attempts that were under way there begin anew here, with all their attempts left.
 * @param origin the run that it branches off, as it was there; not changed
 */
export function inherit(
  origin: RunState,
  id: string,
  reset: readonly string[] | undefined,
): RunState {
  const fresh = emptyRun(id);
  const copy = copyRunState(origin);
  const taken = Object.fromEntries(INHERITED.map((key) => [key, copy.run.context[key]]));
  const state: RunState = {
    ...copy,
    id,
    cursor: fresh.cursor,
    run: runTable.create({ ...runContext({ id }), ...taken }),
    retries: 0,
    checkpoints: 0,
    inherits: true,
  };
  for (const step of reset ?? []) forgetStep(state, step);
  for (const [step, actor] of state.steps) {
    if (stepTable.finals.has(actor.state) || goesOn(state, step, actor.state)) continue;
    // What was being undone is undone again, if this run comes to that.
    if (undoOf(step) !== undefined) state.steps.delete(step);
    else state.steps.set(step, begunAnew(actor.context));
  }
  regroup(state);
  return state;
}

/** What has no attempt of its own goes on: its items, or its timer or wait, are taken over as well. */
function goesOn(state: RunState, step: string, status: string): boolean {
  if (status !== "suspended") return status === "mapping";
  // Branched off between its suspension and the beginning of its wait, it has neither.
  const { timers, fired, waits, waited } = state.run.context;
  return [timers, fired, waits, waited].some((known) => Object.hasOwn(known, step));
}

/** A child run that was under way there is not this run's: it gets one of its own. */
function begunAnew({
  id,
  maxAttempts,
  whenFailed,
  scheduledAt,
  child,
}: StepContext): Actor<StepContext> {
  const actor = stepTable.create({
    ...stepContext({ id, maxAttempts, whenFailed }),
    scheduledAt,
    child,
  });
  actor.state = "pending";
  return actor;
}

/** The step as if nothing had happened to it, its items and its undo included. */
function forgetStep(state: RunState, step: string): void {
  state.mappings.delete(step);
  for (const id of state.steps.keys()) {
    const own = undoOf(id) ?? id;
    if (own === step || itemOf(own)?.step === step) state.steps.delete(id);
  }
  const kept = state.undoable.filter((id) => id !== step && itemOf(id)?.step !== step);
  state.undoable.splice(0, state.undoable.length, ...kept);
  if (planStep(state, step)?.wait === undefined) return;
  // What it waited for is waited for anew; who answered then has answered that.
  const { timers, fired, waits, waited, approvals } = state.run.context;
  for (const known of [timers, fired, waits, waited, approvals]) delete known[step];
}

/** Sorts the steps anew into those that wait, may begin, or have failed. */
function regroup(state: RunState): void {
  const { pending, limited, unmapped, unopened, suspended, running, retrying, held, steps } = state;
  const groups = [pending, limited, unmapped, unopened, suspended, running, retrying, held];
  for (const group of groups) group.clear();
  const { requested, delegated, stopping, dueChildren } = state;
  for (const group of [requested, delegated, stopping, dueChildren]) group.clear();
  state.failed = undefined;
  for (const id of state.barred) {
    if (!stepTable.finals.has(steps.get(id)?.state ?? "waiting")) state.barred.delete(id);
  }
  for (const [id, actor] of steps) {
    if (actor.state === "failed" && itemOf(id) === undefined && undoOf(id) === undefined) {
      state.failed ??= id;
    }
    if (actor.state === "pending") pending.add(id);
    if (actor.state === "suspended") suspended.add(id);
  }
  for (const [id, mapping] of state.mappings) {
    const ended = (index: number): boolean =>
      stepTable.finals.has(steps.get(itemId(id, index))?.state ?? "waiting");
    mapping.left = 0;
    for (let index = 0; index < mapping.count; index++) {
      if (ended(index)) continue;
      mapping.left++;
      if (index < mapping.next) pending.add(itemId(id, index));
    }
  }
}

/**
 * Fits steps that there are already to the plan, which may be another one than they began with: which of its
 * steps are open, ready, or wait for how many others. Called when the plan is adopted.
 */
export function fitToPlan(state: RunState): void {
  if (state.plan?.kind !== "graph") return;
  const { plan, steps } = state;
  const hasEnded = (id: string): boolean => stepTable.finals.has(steps.get(id)?.state ?? "waiting");
  state.open = 0;
  state.ready.clear();
  state.unmet.clear();
  for (const { name, needs, over, wait } of plan.steps) {
    if (hasEnded(name)) continue;
    state.open++;
    const known = steps.get(name)?.state;
    if (known === "pending") {
      for (const room of [state.pending, state.unmapped, state.unopened]) room.delete(name);
      if (over !== undefined) state.unmapped.add(name);
      else (wait === undefined ? state.pending : state.unopened).add(name);
    }
    if (known !== undefined) continue;
    const missing = needs.filter((need) => !hasEnded(need)).length;
    if (missing === 0) state.ready.add(name);
    else state.unmet.set(name, missing);
  }
}

/** A step and all that need it, directly or not: what a new result of it may change. */
export function dependentsOf(state: RunState, roots: Iterable<string>): string[] {
  const found = new Set<string>(roots);
  for (const step of found) {
    for (const dependent of state.graph?.dependents.get(step) ?? []) found.add(dependent);
  }
  return [...found];
}
