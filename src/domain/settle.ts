/**
 * What follows by itself: given a state, the events that need no decision from outside. The engine
 * folds them and asks again until nothing follows, all within one commit. Pure.
 */

import type { RunCommand } from "../../machines/run-data.ts";
import type { StepCommand } from "../../machines/step-data.ts";
import type { Failure } from "../../machines/values.ts";
import type { MillraceEvent } from "../events/vocabulary.ts";
import { isHeldBack } from "./admission.ts";
import { decideRun, decideStep, UNDO_ATTEMPTS_MIN } from "./decide.ts";
import { itemOf, undoId } from "./plan.ts";
import { expiredChildren, stopChildren } from "./settle-children.ts";
import { settleHeld } from "./settle-held.ts";
import { settleWaits } from "./settle-waits.ts";
import {
  barrierOf,
  type Mapping,
  openChildren,
  planStep,
  type RunState,
  stepActor,
} from "./state.ts";

/** The events that follow now; none when nothing does. Time counts: steps that began too late fail. */
export function settle(state: RunState, now: number): readonly MillraceEvent[] {
  switch (state.run.state) {
    case "cancelling":
      return settleCancelling(state, now);
    case "running":
      return settleRunning(state, now);
    case "compensating":
      return settleCompensating(state, now);
    default:
      return [];
  }
}

function settleRunning(state: RunState, now: number): readonly MillraceEvent[] {
  const { deadline, paused } = state.run.context;
  if (deadline !== null && deadline <= now) return settleLate(state, now);
  if (paused !== null || isHeldBack(state)) return [];
  const waited = [...settleWaits(state, now), ...settleHeld(state, now)];
  if (waited.length > 0) return waited;
  return state.graph === undefined ? settleCode(state, now) : settleGraph(state, now);
}

/** What the function asked for: what came too late, and lists that are done or cannot be. */
function settleCode(state: RunState, now: number): readonly MillraceEvent[] {
  const events = [...expired(state, now), ...expiredChildren(state, now)];
  for (const [id, mapping] of state.mappings) {
    const over = mapping.left === 0 || mapping.failed !== undefined;
    if (over) events.push(...settleMapped(state, id, mapping, now));
  }
  return events;
}

/** The run's own time is over: it fails, whatever it is at. */
function settleLate(state: RunState, now: number): readonly MillraceEvent[] {
  const stopped = stopAll(state, now, "the run's deadline has passed");
  if (stopped.length > 0) return stopped;
  const error = { code: "E_TIMEOUT", message: "the run did not end before its deadline" };
  return ofRun(state, endCommand(state, now, error));
}

const CANCELLED = "the run is being cancelled";

/** Steps that run are given their time; everything else is stopped at once. */
function settleCancelling(state: RunState, now: number): readonly MillraceEvent[] {
  if (isGivenTime(state, now)) return stopIdle(state, now, CANCELLED);
  const stopped = stopAll(state, now, CANCELLED);
  return stopped.length > 0 ? stopped : ofRun(state, endCommand(state, now));
}

const isGivenTime = (state: RunState, now: number): boolean =>
  state.running.size > 0 && (state.run.context.cancelUntil ?? now) > now;

/**
 * The command that ends a run which cannot complete: first what its steps did is undone, if any of them
 * can be, and its child runs are let go of, if there are any.
 * @param error why it fails; absent: it was cancelled
 */
export function endCommand(state: RunState, now: number, error?: Failure): RunCommand {
  const why = error === undefined ? {} : { error };
  const isOpen = state.undoable.length > 0 || openChildren(state) > 0;
  if (isOpen) return { type: "cmd.compensate", now, ...why };
  return error === undefined ? { type: "cmd.close", now } : { type: "cmd.fail", now, error };
}

/** Undoes one step after the other, the last completed first; then the run ends. */
function settleCompensating(state: RunState, now: number): readonly MillraceEvent[] {
  const children = [...expiredChildren(state, now), ...stopChildren(state, now, "its parent ends")];
  const letGo = [...settleHeld(state, now), ...children];
  if (letGo.length > 0) return letGo;
  // One after the other, also when a child run has completed meanwhile.
  if (state.pending.size + state.running.size + state.retrying.size > 0) return [];
  const last = state.undoable.at(-1);
  if (last === undefined) {
    if (openChildren(state) > 0) return [];
    const { error } = state.run.context;
    return ofRun(state, endCommand(state, now, error ?? undefined));
  }
  const { maxAttempts: asked } = stepActor(state, last).context;
  const maxAttempts = Math.max(asked, UNDO_ATTEMPTS_MIN);
  const hold = state.holdUndo.has(last) ? { whenFailed: "hold" as const } : {};
  return ofStep(state, undoId(last), { type: "cmd.schedule", now, maxAttempts, ...hold });
}

function settleGraph(state: RunState, now: number): readonly MillraceEvent[] {
  const goesOn = state.plan?.kind === "graph" && state.plan.onFailure === "continue";
  if (state.failed !== undefined && !goesOn) {
    const stopped = stopAll(state, now, `step ${state.failed} failed`);
    if (stopped.length > 0) return stopped;
    return ofRun(state, endCommand(state, now, failureOf(state, state.failed)));
  }
  const events: MillraceEvent[] = [...expired(state, now), ...expiredChildren(state, now)];
  for (const id of state.ready) {
    events.push(...settleReady(state, id, now));
  }
  for (const [id, mapping] of state.mappings) {
    if (mapping.left === 0) events.push(...settleMapped(state, id, mapping, now));
  }
  const isOpen = state.open > 0 || openChildren(state) > 0;
  if (events.length > 0 || isOpen || state.plan?.kind !== "graph") return events;
  if (state.failed !== undefined) {
    return ofRun(state, endCommand(state, now, failureOf(state, state.failed)));
  }
  const output = stepActor(state, state.plan.returns).context.output ?? { json: null };
  return ofRun(state, { type: "cmd.complete", now, output });
}

/** All that the step needs has ended: it may run, unless that failed or its condition is to be asked. */
function settleReady(state: RunState, id: string, now: number): readonly MillraceEvent[] {
  const barrier = barrierOf(state, id);
  if (barrier !== undefined) {
    const how = stepActor(state, barrier).state === "failed" ? "failed" : "could not run";
    return ofStep(state, id, {
      type: "cmd.skip",
      now,
      reason: `it needs ${barrier}, which ${how}`,
    });
  }
  const step = planStep(state, id);
  if (step === undefined || step.conditional) return [];
  const wait = step.policy.scheduleToStartMs;
  const startBy = wait === undefined || step.over !== undefined ? {} : { startBy: now + wait };
  return ofStep(state, id, { type: "cmd.schedule", now, ...startBy });
}

/** All items have ended: together they are the step's result, or the first that failed is its failure. */
function settleMapped(
  state: RunState,
  id: string,
  { count, failed }: Mapping,
  now: number,
): readonly MillraceEvent[] {
  const attempt = 0;
  if (failed === undefined) {
    const output = { items: count, of: id };
    return ofStep(state, id, { type: "cmd.complete", now, attempt, output });
  }
  const error = failureOf(state, failed);
  return ofStep(state, id, { type: "cmd.fail", now, attempt, error, retry: false, retryAt: now });
}

/** Steps that did not begin in time. */
function expired(state: RunState, now: number): readonly MillraceEvent[] {
  const events: MillraceEvent[] = [];
  for (const [id, startBy] of state.limited) {
    if (startBy > now) continue;
    const { attempt } = stepActor(state, id).context;
    const error = {
      code: "E_STEP_TIMEOUT",
      message: `step ${id} did not begin within its schedule-to-start time`,
    };
    const command = { type: "cmd.fail", now, attempt, error, retry: false, retryAt: now } as const;
    events.push(...ofStep(state, id, command));
  }
  return events;
}

/** Cancels every step that has begun its life and not ended it, child runs as their policies say. */
export function stopAll(state: RunState, now: number, reason: string): readonly MillraceEvent[] {
  const events: MillraceEvent[] = [];
  const stop = (id: string): void => {
    events.push(...ofStep(state, id, { type: "cmd.cancel", now, reason }));
  };
  const { running, retrying, held, unmapped, unopened, suspended, pending, mappings } = state;
  const alone = [...held, ...unmapped, ...unopened, ...suspended];
  for (const id of [...running, ...retrying, ...alone, ...pending]) {
    const item = itemOf(id);
    // Items are stopped with their mapped step.
    if (item === undefined || !mappings.has(item.step)) stop(id);
  }
  for (const id of mappings.keys()) stop(id);
  events.push(...stopChildren(state, now, reason));
  return events;
}

/** As `stopAll`, but leaves steps that run, and mapped steps of which an item runs. */
function stopIdle(state: RunState, now: number, reason: string): readonly MillraceEvent[] {
  const { running, retrying, held, unmapped, unopened, suspended, pending, mappings } = state;
  const busy = new Set([...running].map((id) => itemOf(id)?.step ?? id));
  const alone = [...held, ...unmapped, ...unopened, ...suspended];
  const idle = [...retrying, ...alone, ...pending].filter((id) => {
    const item = itemOf(id);
    return item === undefined || !mappings.has(item.step);
  });
  const fans = [...mappings.keys()].filter((id) => !busy.has(id));
  return [...idle, ...fans].flatMap((id) => ofStep(state, id, { type: "cmd.cancel", now, reason }));
}

function failureOf(state: RunState, step: string): Failure {
  const cause = stepActor(state, step).context.error ?? { code: "Error", message: "unknown" };
  return { code: "E_STEP_FAILED", message: `step ${step} failed: ${cause.message}`, cause };
}

function ofRun(state: RunState, command: RunCommand): readonly MillraceEvent[] {
  const decided = decideRun(state, command);
  return decided.ok ? decided.value : [];
}

function ofStep(state: RunState, id: string, command: StepCommand): readonly MillraceEvent[] {
  const decided = decideStep(state, id, command);
  return decided.ok ? decided.value : [];
}
