/**
 * What follows by itself from waiting: decisions end approvals, approvals run out, steps that waited end,
 * and what nobody waits for any more is taken back. Pure; waits for signals are the engine's to answer,
 * because users' code chooses among signals.
 */
import type { RunCommand } from "../../machines/run-data.ts";
import type { StepCommand } from "../../machines/step-data.ts";
import type { MillraceEvent } from "../events/vocabulary.ts";
import { approvalOf, judge } from "./approvals.ts";
import { decideRun, decideStep } from "./decide.ts";
import { planStep, type RunState } from "./state.ts";

/** The events that follow now; none when nothing does. One decision at a time: it may change the next. */
export function settleWaits(state: RunState, now: number): readonly MillraceEvent[] {
  for (const id of state.decisions) {
    const command = judge(state, id, now);
    if (command !== undefined) return ofRun(state, command);
  }
  const expired = ofRun(state, ...overdue(state, now));
  return expired.length > 0 ? expired : endedSteps(state, now);
}

/** Approvals that nobody decided in time. */
function* overdue(state: RunState, now: number): Generator<RunCommand> {
  for (const [wait, { approval, due }] of Object.entries(state.run.context.waits)) {
    if (approval !== undefined && due !== null && due <= now) {
      yield { type: "cmd.expire_wait", now, wait };
    }
  }
}

/** Ends the steps whose wait is over, and the waits whose step is. */
function endedSteps(state: RunState, now: number): readonly MillraceEvent[] {
  if (state.graph === undefined) return [];
  const events: MillraceEvent[] = [];
  for (const step of state.suspended) {
    const command = endOf(state, step, now);
    if (command === undefined) continue;
    const decided = decideStep(state, step, command);
    if (decided.ok) events.push(...decided.value);
  }
  const { timers, waits } = state.run.context;
  const isLeft = (id: string): boolean =>
    planStep(state, id)?.wait !== undefined && !state.suspended.has(id);
  for (const timer of Object.keys(timers).filter(isLeft)) {
    events.push(...ofRun(state, { type: "cmd.cancel_timer", now, timer }));
  }
  for (const wait of Object.keys(waits).filter(isLeft)) {
    events.push(...ofRun(state, { type: "cmd.cancel_wait", now, wait }));
  }
  return events;
}

/** How a step that waits ends; undefined while it waits. */
function endOf(state: RunState, step: string, now: number): StepCommand | undefined {
  const { fired, waited, approvals, signals, taken } = state.run.context;
  const complete = (json: unknown): StepCommand => {
    return { type: "cmd.complete", now, attempt: 0, output: { json } };
  };
  if (Object.hasOwn(fired, step)) return complete(null);
  if (!Object.hasOwn(waited, step)) return undefined;
  if (Object.hasOwn(approvals, step)) {
    const outcome = approvalOf(state, step);
    if ("approval" in outcome) return complete(outcome.approval);
    return { type: "cmd.fail", now, attempt: 0, ...outcome, retry: false, retryAt: now };
  }
  const signal = signals[taken[waited[step] ?? ""] ?? -1];
  // Without a result, as a step that was left out: a signal may well come without a payload.
  if (signal === undefined) return { type: "cmd.skip", now, reason: "no signal came in time" };
  return { type: "cmd.complete", now, attempt: 0, output: signal.payload };
}

function ofRun(state: RunState, ...commands: readonly RunCommand[]): readonly MillraceEvent[] {
  return commands.flatMap((command) => {
    const decided = decideRun(state, command);
    return decided.ok ? decided.value : [];
  });
}
