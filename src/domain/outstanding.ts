/**
 * What a run owes the world: derived from its state alone, so that going on after a crash is the same
 * code path as going on. Each duty has a key that stays the same however often it is derived.
 */
import { type RunState, stepActor } from "./state.ts";

/** One thing that a run owes. */
export type Duty =
  /** Begin the next attempt of a step. */
  | { readonly kind: "start"; readonly key: string; readonly step: string }
  /** Ask the code whether a step runs. */
  | { readonly kind: "choose"; readonly key: string; readonly step: string }
  /** Find out over which items a step fans out. */
  | { readonly kind: "map"; readonly key: string; readonly step: string }
  /** An attempt is under way; whoever runs it owes a report. */
  | { readonly kind: "report"; readonly key: string; readonly step: string; readonly node: string }
  /** Come back when this time is reached. */
  | { readonly kind: "wake"; readonly key: string; readonly at: number };

const WORKING: ReadonlySet<string> = new Set(["running", "parked", "compensating"]);

/** All duties of a run that has begun and not ended, the startable ones first. Lazy: stop when enough. */
export function* outstanding(state: RunState, now: number): Generator<Duty> {
  if (!WORKING.has(state.run.state)) return;
  const { deadline, paused } = state.run.context;
  if (deadline !== null) yield { kind: "wake", key: "deadline", at: deadline };
  if (paused !== null) return;
  for (const step of state.retrying) {
    const { retryAt, attempt } = stepActor(state, step).context;
    if ((retryAt ?? 0) <= now) yield { kind: "start", key: `start/${step}/${attempt + 1}`, step };
    else yield { kind: "wake", key: `retry/${step}/${attempt}`, at: retryAt ?? 0 };
  }
  for (const step of state.unmapped) yield { kind: "map", key: `map/${step}`, step };
  for (const step of state.ready) {
    if (state.graph?.steps.get(step)?.conditional) {
      yield { kind: "choose", key: `choose/${step}`, step };
    }
  }
  for (const step of state.pending) {
    yield {
      kind: "start",
      key: `start/${step}/${stepActor(state, step).context.attempt + 1}`,
      step,
    };
  }
  for (const step of state.running) {
    const { node, attempt } = stepActor(state, step).context;
    yield { kind: "report", key: `report/${step}/${attempt}`, step, node: node ?? "" };
  }
  for (const [timer, at] of Object.entries(state.run.context.timers)) {
    yield { kind: "wake", key: `timer/${timer}`, at };
  }
  for (const [wait, { due }] of Object.entries(state.run.context.waits)) {
    if (due !== null) yield { kind: "wake", key: `wait/${wait}`, at: due };
  }
}

/** The earliest time past `after` at which something happens by itself; undefined: nothing will. */
export function nextWake(state: RunState, after = Number.NEGATIVE_INFINITY): number | undefined {
  let earliest = Number.POSITIVE_INFINITY;
  const look = (at: number): void => {
    if (at > after) earliest = Math.min(earliest, at);
  };
  const { deadline, paused } = state.run.context;
  if (deadline !== null) look(deadline);
  if (paused !== null) return earliest === Number.POSITIVE_INFINITY ? undefined : earliest;
  for (const step of state.retrying) look(stepActor(state, step).context.retryAt ?? earliest);
  for (const at of Object.values(state.run.context.timers)) look(at);
  for (const { due } of Object.values(state.run.context.waits)) if (due !== null) look(due);
  for (const startBy of state.limited.values()) look(startBy);
  return earliest === Number.POSITIVE_INFINITY ? undefined : earliest;
}
