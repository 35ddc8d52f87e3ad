/**
 * The fold: frames into a run's state. The machines say whether an event is possible; history they
 * refuse is corrupt. The state is the caller's own object and is changed in place.
 */
import type { RunEvent } from "../../machines/run-data.ts";
import type { StepEvent } from "../../machines/step-data.ts";
import type { Opened } from "../events/frame.ts";
import type { MillraceEvent } from "../events/vocabulary.ts";
import { MillraceError } from "../kernel/errors.ts";
import { isAdmission } from "./admission.ts";
import { adoptPlan } from "./adopt-plan.ts";
import { indexChild, unindexChild } from "./child-index.ts";
import { answer, converse } from "./code-answers.ts";
import { keepSignal, takeSignal } from "./free-signals.ts";
import { itemId, itemOf, undoOf } from "./plan.ts";
import {
  barrierOf,
  planStep,
  type RunState,
  runTable,
  stepActor,
  stepsMove,
  stepTable,
} from "./state.ts";

/**
 * Folds one stored frame, after checking that it is the next of its run.
 * @throws MillraceError `E_LOG_CORRUPT` when a frame is missing or another's, or the machine refuses it
 */
export function evolveFrame(state: RunState, opened: Opened, position: number): void {
  const { cursor } = state;
  const { frame, prev, sum } = opened;
  if (prev !== cursor.sum || frame.seq !== cursor.seq + 1) {
    throw corrupt(state, `frame at position ${position} does not follow the one before it`);
  }
  if (frame.inbox < cursor.inbox) throw corrupt(state, `the inbox position goes back`);
  for (const event of frame.events) evolve(state, event);
  cursor.head = position;
  cursor.sum = sum;
  cursor.inbox = frame.inbox;
  cursor.partial = frame.more === true;
}

/**
 * Folds one event.
 * @throws MillraceError `E_LOG_CORRUPT` when the machine does not take it now
 */
export function evolve(state: RunState, event: MillraceEvent): void {
  switch (event.type) {
    case "output.emitted":
    case "data.located":
    case "anomaly.recorded":
    case "user.noted":
      break;
    case "checkpoint.saved":
      state.checkpoints = event.checkpoint;
      break;
    default:
      if ("step" in event) evolveStep(state, event);
      // Those of other records are none that the run's machine takes.
      else evolveRun(state, event as RunEvent);
  }
  state.cursor.seq++;
}

function evolveRun(state: RunState, event: RunEvent): void {
  const { paused } = state.run.context;
  if (event.type === "run.created" && (event.forkOf !== undefined) !== state.inherits) {
    throw corrupt(state, "what it branched off was not folded first");
  }
  const moved = runTable.evolve(state.run, event);
  if (!moved.ok) throw corrupt(state, `${event.type} in state ${moved.error.state}`);
  switch (event.type) {
    case "run.created":
      demandPlan(state, event);
      state.inherits = false;
      break;
    case "run.planned":
      demandPlan(state, event);
      break;
    case "run.migrated":
      if (!adoptPlan(state, event.plan)) throw corrupt(state, "what it was moved to is not a plan");
      break;
    case "run.resumed":
      // Nothing could begin meanwhile: that time does not count.
      for (const [step, startBy] of state.limited) {
        state.limited.set(step, startBy + event.at - (paused?.at ?? event.at));
      }
      break;
    case "signal.received":
      if (event.decision !== undefined) state.decisions.add(event.signal);
      else keepSignal(state, event.name, event.signal);
      break;
    case "signal.refused":
      state.decisions.delete(event.signal);
      break;
    case "wait.matched":
      state.decisions.delete(event.signal);
      takeSignal(state, event.signal);
      break;
  }
  if (state.graph === undefined) converse(state, event);
}

type Planned = Extract<RunEvent, { readonly type: "run.created" | "run.planned" }>;

function demandPlan(state: RunState, { plan, admission }: Planned): void {
  const isWhole = (plan === null || adoptPlan(state, plan)) && isAdmission(admission);
  if (!isWhole) throw corrupt(state, "what it was created with is not a plan");
}

/** Events that end an attempt. */
const ENDS: ReadonlySet<string> = new Set([
  "step.completed",
  "step.failed",
  "step.held",
  "step.retrying",
]);

function evolveStep(state: RunState, event: StepEvent): void {
  const { step: id } = event;
  if (!stepsMove(state, ENDS.has(event.type))) {
    throw corrupt(state, `${event.type} of step ${id} in a run that is ${state.run.state}`);
  }
  const actor = stepActor(state, id);
  const before = actor.state;
  const moved = stepTable.evolve(actor, event);
  if (!moved.ok) throw corrupt(state, `${event.type} of step ${id} in state ${moved.error.state}`);
  if (!state.steps.has(id)) {
    const declared = undoOf(id) === undefined ? id : planStep(state, id)?.name;
    if (
      state.graph !== undefined &&
      before === "waiting" &&
      !state.graph.steps.has(declared ?? "")
    ) {
      throw corrupt(state, `${event.type} of step ${id}, which the plan does not declare`);
    }
    state.steps.set(id, actor);
  }
  leave(state, id, before);
  unindexChild(state, id, before, actor.state);
  switch (event.type) {
    case "child.requested":
    case "child.started":
    case "child.stopping":
      indexChild(state, event, before);
      break;
    case "step.scheduled":
      waitingRoom(state, id).add(id);
      if (event.startBy !== undefined) state.limited.set(id, event.startBy);
      if (event.undo) state.canUndo.add(id);
      if (event.whenUndoFailed) state.holdUndo.add(id);
      if (state.graph === undefined && undoOf(id) === undefined) state.calls.push(`step:${id}`);
      break;
    case "step.rescheduled":
      waitingRoom(state, id).add(id);
      break;
    case "step.held":
      state.held.add(id);
      break;
    case "step.mapped":
      state.mappings.set(id, {
        count: event.count,
        next: 0,
        left: event.count,
        failed: undefined,
      });
      if (state.graph === undefined) state.calls.push(`children:${id}`);
      release(state, id, concurrencyOf(state, event), event.at);
      break;
    case "step.suspended":
      state.suspended.add(id);
      break;
    case "step.started":
      state.running.add(id);
      break;
    case "step.retrying":
      state.retrying.add(id);
      state.retries++;
      break;
    default:
      ended(state, event);
  }
}

/** Where a step whose needs are there waits for what comes next. */
function waitingRoom(state: RunState, id: string): Set<string> {
  const step = state.graph?.steps.get(id);
  if (step?.over !== undefined) return state.unmapped;
  return step?.wait === undefined ? state.pending : state.unopened;
}

const concurrencyOf = (
  { graph }: RunState,
  { step, count, concurrency }: Extract<StepEvent, { type: "step.mapped" }>,
): number => graph?.steps.get(step)?.concurrency ?? concurrency ?? count;

function leave(state: RunState, id: string, before: string): void {
  switch (before) {
    case "waiting":
      state.ready.delete(id);
      // It may be skipped or cancelled before its needs are there; they must not make it ready later.
      state.unmet.delete(id);
      break;
    case "pending":
      state.pending.delete(id);
      state.limited.delete(id);
      state.unmapped.delete(id);
      state.unopened.delete(id);
      break;
    case "suspended":
      state.suspended.delete(id);
      break;
    case "running":
      state.running.delete(id);
      break;
    case "retrying":
      state.retrying.delete(id);
      break;
    case "held":
      state.held.delete(id);
      break;
  }
}

/** Lets `count` further items of a mapped step begin. */
function release(state: RunState, id: string, count: number, at: number): void {
  const mapping = state.mappings.get(id);
  if (mapping === undefined) return;
  const wait = state.graph?.steps.get(id)?.policy.scheduleToStartMs;
  const end = Math.min(mapping.count, mapping.next + count);
  for (; mapping.next < end; mapping.next++) {
    const item = itemId(id, mapping.next);
    state.pending.add(item);
    if (wait !== undefined) state.limited.set(item, at + wait);
  }
}

function ended(state: RunState, { step: id, type, at }: StepEvent): void {
  const undone = undoOf(id);
  if (undone !== undefined) {
    const place = state.undoable.lastIndexOf(undone);
    if (place >= 0) state.undoable.splice(place, 1);
    return;
  }
  if (type === "step.completed" && hasUndo(state, id)) state.undoable.push(id);
  if (type === "step.failed") state.failed ??= id;
  const item = itemOf(id);
  if (item !== undefined) {
    const mapping = state.mappings.get(item.step);
    if (mapping !== undefined) {
      mapping.left--;
      if (type === "step.failed") mapping.failed ??= id;
    }
    release(state, item.step, 1, at);
    return;
  }
  if (state.mappings.delete(id)) {
    for (const other of state.pending)
      if (itemOf(other)?.step === id) leave(state, other, "pending");
  }
  if (state.graph === undefined) {
    const { child, items } = stepActor(state, id).context;
    const kind = child !== null ? "child" : items !== null ? "children" : "step";
    answer(state, `${kind}:${id}`, at);
    return;
  }
  state.open--;
  const lacks = stepActor(state, id).context.output === null;
  if (type === "step.failed" || (lacks && barrierOf(state, id) !== undefined)) state.barred.add(id);
  for (const dependent of state.graph.dependents.get(id) ?? []) {
    const missing = state.unmet.get(dependent);
    if (missing === undefined) continue;
    if (missing > 1) state.unmet.set(dependent, missing - 1);
    else {
      state.unmet.delete(dependent);
      state.ready.add(dependent);
    }
  }
}

/** A mapped step as a whole has nothing to undo: its items have. */
const hasUndo = (state: RunState, id: string): boolean =>
  state.canUndo.has(id) || (planStep(state, id)?.undo === true && !state.mappings.has(id));

const corrupt = (state: RunState, what: string): MillraceError =>
  new MillraceError(
    "E_LOG_CORRUPT",
    `run ${state.id}, after event ${state.cursor.seq}: ${what}. The run is set aside and no step of it runs; look at it with \`millrace events ${state.id}\`, restore the log from a backup, or erase the run`,
    { details: { run: state.id, seq: state.cursor.seq } },
  );
