/** What a run waits for inside itself: its steps, and what each of them waits for. */
import { isFull } from "./outstanding.ts";
import { itemOf, undoOf } from "./plan.ts";
import { planStep, type RunState, stepActor } from "./state.ts";
import { earlier, some, type Wait } from "./wait.ts";

/** Steps whose code runs. */
export function* attemptWaits(state: RunState): Generator<Wait> {
  yield* some(state.running, (step) => attemptWait(state, step));
}

/** Every step that has not ended and could not be waited for from outside. */
export function* stepWaits(state: RunState): Generator<Wait> {
  yield* attemptWaits(state);
  yield* some(state.retrying, (step) => retryWait(state, step));
  yield* some(state.held, (step) => heldWait(state, step));
  yield* some(state.pending, (step) => startWait(state, step));
  // What has not begun by now never will.
  if (state.run.state === "compensating" || state.run.state === "cancelling") return;
  yield* some([...state.unmapped, ...state.unopened], (step) => beginWait(state, step));
  yield* some(state.ready, (step) => readyWait(state, step));
  yield* some(state.mappings.keys(), (step) => itemsWait(state, step));
  yield* some(state.unmet.keys(), (step) => needsWait(state, step));
}

/** What follows once this step has ended. */
export function afterStep(state: RunState, id: string): string {
  const undone = undoOf(id);
  if (undone !== undefined) return "the next undo, or the run's end";
  const item = itemOf(id);
  if (item !== undefined) return `step ${item.step} has one item less to do`;
  if (state.graph === undefined) return "its function goes on";
  const dependents = state.graph.dependents.get(id) ?? [];
  const ready = dependents.filter((step) => state.unmet.get(step) === 1);
  if (ready.length > 0) return `step ${ready.join(", ")}`;
  if (dependents.length > 0) return `one need less of step ${dependents.join(", ")}`;
  return state.open <= 1 ? "the run ends" : "nothing needs it; the run ends when all steps have";
}

function heldWait(state: RunState, step: string): Wait {
  const { error, heldAt } = stepActor(state, step).context;
  return {
    kind: "held",
    step,
    what: `step ${step} is held: ${error?.code ?? ""}: ${error?.message ?? ""}`,
    since: heldAt ?? state.run.context.createdAt,
    until: null,
    by: ["retry", "skip", "fail"]
      .map((verb) => `\`millrace ${verb} ${state.id} ${step}\``)
      .join(", "),
    next: "it is tried again, skipped, or fails",
  };
}

function attemptWait(state: RunState, step: string): Wait {
  const { attempt, maxAttempts, node, startedAt, endBy } = stepActor(state, step).context;
  const { createdAt, cancelUntil } = state.run.context;
  return {
    kind: "attempt",
    step,
    what: `attempt ${attempt} of ${maxAttempts} of step ${step} is running`,
    since: startedAt ?? createdAt,
    until: earlier(endBy, cancelUntil),
    by: `node ${node ?? "?"}`,
    next: afterStep(state, step),
  };
}

function retryWait(state: RunState, step: string): Wait {
  const { attempt, maxAttempts, error, failedAt, retryAt } = stepActor(state, step).context;
  return {
    kind: "retry",
    step,
    what: `step ${step} is tried again (${attempt} of ${maxAttempts} attempts made): ${error?.message ?? ""}`,
    since: failedAt ?? state.run.context.createdAt,
    until: retryAt,
    by: "the clock",
    next: `attempt ${attempt + 1} of step ${step}`,
  };
}

function startWait(state: RunState, step: string): Wait {
  const full = isFull(state);
  const bound = full ? `; the run's bound of ${state.plan?.concurrency} at once is reached` : "";
  return {
    kind: "start",
    step,
    what: `step ${step} could run${bound}`,
    since: stepActor(state, step).context.scheduledAt ?? state.run.context.createdAt,
    until: state.limited.get(step) ?? null,
    by: full
      ? "the end of a step that runs"
      : `a free slot of node ${state.run.context.node ?? "that claims the run"}`,
    next: `attempt ${stepActor(state, step).context.attempt + 1} of step ${step}`,
  };
}

/** The host has it in hand: it asks the code for the items, or for what is waited for. */
function beginWait(state: RunState, step: string): Wait {
  const { scheduledAt } = stepActor(state, step).context;
  const isMap = state.unmapped.has(step);
  return {
    kind: "decision",
    step,
    what: isMap ? `step ${step} is about to fan out` : `step ${step} is about to wait`,
    since: scheduledAt ?? state.run.context.createdAt,
    until: null,
    by: hostOf(state),
    next: isMap ? "its items" : "its wait begins",
  };
}

function readyWait(state: RunState, step: string): Wait {
  const needs = planStep(state, step)?.needs ?? [];
  const ended = needs.map((need) => stepActor(state, need).context.endedAt ?? 0);
  return {
    kind: "decision",
    step,
    what: `step ${step} is about to be scheduled`,
    since: Math.max(state.run.context.createdAt, ...ended),
    until: null,
    by: hostOf(state),
    next: `step ${step}, unless it is skipped`,
  };
}

function itemsWait(state: RunState, step: string): Wait {
  const { count = 0, left = 0 } = state.mappings.get(step) ?? {};
  return {
    kind: "items",
    step,
    what: `step ${step} has ${left} of ${count} items left`,
    since: stepActor(state, step).context.startedAt ?? state.run.context.createdAt,
    until: null,
    by: "its items",
    next: afterStep(state, step),
  };
}

function needsWait(state: RunState, step: string): Wait {
  const needs = planStep(state, step)?.needs ?? [];
  const missing = needs.filter((need) => stepActor(state, need).context.endedAt === null);
  return {
    kind: "needs",
    step,
    what: `step ${step} needs ${missing.join(", ")}`,
    since: state.run.context.createdAt,
    until: null,
    by: missing.map((need) => `step ${need}`).join(", "),
    next: `step ${step}`,
  };
}

const hostOf = ({ run: { context } }: RunState): string =>
  `its host, node ${context.node ?? "that claims the run"}`;
