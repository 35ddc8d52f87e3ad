/**
 * What a run owes the world: derived from its state alone, so that going on after a crash is the same
 * code path as going on. Each duty has a key that stays the same however often it is derived.
 */
import { isHeldBack } from "./admission.ts";
import { isChild, isTerminal, openChildren, type RunState, stepActor } from "./state.ts";

/** One thing that a run owes. */
export type Duty =
  /** Begin the next attempt of a step. */
  | { readonly kind: "start"; readonly key: string; readonly step: string }
  /** Ask the code whether a step runs. */
  | { readonly kind: "choose"; readonly key: string; readonly step: string }
  /** Find out over which items a step fans out. */
  | { readonly kind: "map"; readonly key: string; readonly step: string }
  /** Open the wait of a step that waits. */
  | { readonly kind: "open"; readonly key: string; readonly step: string }
  /** An attempt is under way; whoever runs it owes a report. */
  | { readonly kind: "report"; readonly key: string; readonly step: string; readonly node: string }
  /** Find out with which input a step's child run begins, and ask for it. */
  | { readonly kind: "request"; readonly key: string; readonly step: string }
  /** See to it that a child run exists. */
  | { readonly kind: "child"; readonly key: string; readonly step: string }
  /** A child run is under way; it owes a report. */
  | { readonly kind: "await"; readonly key: string; readonly step: string }
  /** Ask a child run to stop. */
  | { readonly kind: "stop"; readonly key: string; readonly step: string }
  /** Begin the run that goes on where this one ended. */
  | { readonly kind: "continue"; readonly key: string; readonly run: string }
  /** Tell the parent how its child run has ended. */
  | { readonly kind: "tell"; readonly key: string; readonly run: string }
  /** Ask the gate to let the run in. */
  | { readonly kind: "ask"; readonly key: string; readonly gate: string }
  /** Tell the gate that the run is over. */
  | { readonly kind: "release"; readonly key: string; readonly gate: string }
  /** Come back when this time is reached. */
  | { readonly kind: "wake"; readonly key: string; readonly at: number };

/**
 * All duties of a run that has begun, the startable ones first. Those of a run that has ended are done
 * before its ticket goes. Lazy: stop when enough.
 */
export function* outstanding(state: RunState, now: number): Generator<Duty> {
  if (isTerminal(state)) {
    yield* ofEnded(state);
    return;
  }
  if (isHeldBack(state)) {
    yield* ofAdmission(state, now);
    return;
  }
  const { deadline, paused } = state.run.context;
  const isWorking = state.run.state === "running" || state.run.state === "parked";
  if (isWorking && deadline !== null) yield { kind: "wake", key: "deadline", at: deadline };
  // In one that is being undone, what it waited for does not matter any more.
  if ((isWorking && paused === null) || state.run.state === "compensating") {
    yield* ofSteps(state, now);
  }
  if (isWorking && paused === null) yield* ofTimes(state);
  // Steps that run may end by themselves, for a while.
  if (state.run.state === "cancelling") {
    yield* reports(state);
    if (state.running.size > 0) {
      yield { kind: "wake", key: "cancel", at: state.run.context.cancelUntil ?? now };
    }
  }
  yield* ofChildren(state);
}

/** Whatever the run is at; their times do not count while it is paused, or soon anyway at its end. */
function* ofChildren(state: RunState): Generator<Duty> {
  const { requested, delegated, stopping, dueChildren, run } = state;
  const isTimed = run.context.paused === null && run.state !== "cancelling";
  for (const step of requested) yield { kind: "child", key: `child/${step}`, step };
  for (const step of stopping) yield { kind: "stop", key: `stop/${step}`, step };
  for (const [step, at] of isTimed ? dueChildren : []) {
    yield { kind: "wake", key: `due/${step}`, at };
  }
  for (const step of delegated) yield { kind: "await", key: `await/${step}`, step };
}

/** Whatever has ended the run, nobody else would do it. */
function* ofEnded(state: RunState): Generator<Duty> {
  const { admission, next, parent } = state.run.context;
  if (admission !== null) yield { kind: "release", key: "release", gate: admission.gate };
  for (const step of [...state.requested, ...state.delegated, ...state.stopping]) {
    const isLeft = stepActor(state, step).context.child?.onParentClose === "abandon";
    if (isLeft && state.requested.has(step)) yield { kind: "child", key: `child/${step}`, step };
    if (!isLeft) yield { kind: "stop", key: `stop/${step}`, step };
  }
  if (next !== null) yield { kind: "continue", key: `continue/${next.run}`, run: next.run };
  else if (parent !== null) yield { kind: "tell", key: `tell/${parent.run}`, run: parent.run };
}

/** A run that is held back owes its beginning only. */
function* ofAdmission({ run: { context } }: RunState, now: number): Generator<Duty> {
  const { admission, deadline, notBefore, paused } = context;
  if (deadline !== null) yield { kind: "wake", key: "deadline", at: deadline };
  if (paused !== null) return;
  if (notBefore !== null) yield { kind: "wake", key: "begin", at: notBefore };
  if (admission === null || (notBefore ?? now) > now) return;
  yield { kind: "ask", key: "ask", gate: admission.gate };
}

/** How many more steps may begin beside those that are under way. */
const roomOf = (state: RunState): number =>
  (state.plan?.concurrency ?? Number.POSITIVE_INFINITY) - state.running.size - openChildren(state);

/** Whether something could begin, and the run's own bound on what runs at once keeps it from it. */
export const isFull = (state: RunState): boolean => roomOf(state) <= 0;

/** What may begin now: attempts of steps, and requests for child runs. */
export function* startable(
  state: RunState,
  now: number,
): Generator<Extract<Duty, { kind: "start" | "request" }>> {
  let room = roomOf(state);
  for (const step of state.retrying) {
    const { retryAt, attempt } = stepActor(state, step).context;
    if ((retryAt ?? 0) > now) continue;
    if (room-- > 0) yield { kind: "start", key: `start/${step}/${attempt + 1}`, step };
  }
  for (const step of state.pending) {
    if (room-- <= 0) break;
    const key = `${step}/${stepActor(state, step).context.attempt + 1}`;
    if (isChild(state, step)) yield { kind: "request", key: `request/${key}`, step };
    else yield { kind: "start", key: `start/${key}`, step };
  }
}

function* ofSteps(state: RunState, now: number): Generator<Duty> {
  for (const step of state.retrying) {
    const { retryAt, attempt } = stepActor(state, step).context;
    if ((retryAt ?? 0) <= now) continue;
    yield { kind: "wake", key: `retry/${step}/${attempt}`, at: retryAt ?? 0 };
  }
  for (const step of state.unmapped) yield { kind: "map", key: `map/${step}`, step };
  for (const step of state.unopened) yield { kind: "open", key: `open/${step}`, step };
  for (const step of state.run.state === "compensating" ? [] : state.ready) {
    if (state.graph?.steps.get(step)?.conditional) {
      yield { kind: "choose", key: `choose/${step}`, step };
    }
  }
  yield* startable(state, now);
  yield* reports(state);
}

function* reports(state: RunState): Generator<Duty> {
  for (const step of state.running) {
    const { node, attempt } = stepActor(state, step).context;
    yield { kind: "report", key: `report/${step}/${attempt}`, step, node: node ?? "" };
  }
}

function* ofTimes(state: RunState): Generator<Duty> {
  for (const [timer, { due }] of Object.entries(state.run.context.timers)) {
    yield { kind: "wake", key: `timer/${timer}`, at: due };
  }
  for (const [wait, { due }] of Object.entries(state.run.context.waits)) {
    if (due !== null) yield { kind: "wake", key: `wait/${wait}`, at: due };
  }
}

/** The earliest time past `after` at which something happens by itself; undefined: nothing will. */
export function nextWake(state: RunState, after = Number.NEGATIVE_INFINITY): number | undefined {
  let earliest = Number.POSITIVE_INFINITY;
  for (const at of wakes(state)) if (at > after) earliest = Math.min(earliest, at);
  return earliest === Number.POSITIVE_INFINITY ? undefined : earliest;
}

function* wakes(state: RunState): Generator<number> {
  if (isTerminal(state)) return;
  const { cancelUntil, deadline, notBefore, paused, timers, waits } = state.run.context;
  if (state.run.state === "cancelling") {
    if (cancelUntil !== null) yield cancelUntil;
    return;
  }
  const undoing = state.run.state === "compensating";
  if (deadline !== null && !undoing) yield deadline;
  if (paused !== null) return;
  if (isHeldBack(state)) {
    if (notBefore !== null) yield notBefore;
    return;
  }
  for (const step of state.retrying) yield stepActor(state, step).context.retryAt ?? 0;
  yield* state.limited.values();
  yield* state.dueChildren.values();
  if (undoing) return;
  for (const { due } of Object.values(timers)) yield due;
  for (const { due } of Object.values(waits)) if (due !== null) yield due;
}
