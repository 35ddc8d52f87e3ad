/**
 * Commands into events. What a command leads to is what the machine emits for it; this file only finds
 * the machine's actor and adds what the machine cannot know. Pure: the state is not changed.
 */

import type { Placement } from "../../machines/placement.ts";
import type { RunCommand, RunEvent } from "../../machines/run-data.ts";
import type { StepCommand, StepEvent } from "../../machines/step-data.ts";
import type { Failure } from "../../machines/values.ts";
import { MillraceError } from "../kernel/errors.ts";
import { err, ok, type Result } from "../kernel/result.ts";
import { itemOf, type RetryPolicy, type StepPolicy, undoOf } from "./plan.ts";
import { backoffMs } from "./retry.ts";
import { planStep, type RunState, runTable, stepActor, stepsMove, stepTable } from "./state.ts";
import type { Refusal } from "./table.ts";

/** The events that a command to the run leads to. */
export const decideRun = (
  state: RunState,
  command: RunCommand,
): Result<readonly RunEvent[], Refusal> => runTable.decide(state.run, command);

/**
 * The events that a command to one step leads to. Steps move while their run lives (`stepsMove`); once
 * it is being stopped, none begins but those that undo others. Whatever ends a mapped step without a result
 * cancels those of its items that are under way.
 */
export function decideStep(
  state: RunState,
  id: string,
  command: StepCommand,
): Result<readonly StepEvent[], Refusal> {
  const ends = command.type === "cmd.complete" || command.type === "cmd.fail";
  if (!stepsMove(state, ends) || isTooLate(state, id, command)) {
    return err({ state: state.run.state, refused: command.type });
  }
  const actor = stepActor(state, id);
  const decided = stepTable.decide(actor, command);
  if (!decided.ok || actor.state !== "mapping" || command.type === "cmd.complete") return decided;
  return ok([...cancelItems(state, id, command), ...decided.value]);
}

const BEGINS: ReadonlySet<string> = new Set([
  ...["cmd.start", "cmd.map", "cmd.suspend", "cmd.retry", "cmd.request"],
]);

/** Something would begin in a run that is being stopped. */
function isTooLate(state: RunState, id: string, { type }: StepCommand): boolean {
  if (state.run.state === "cancelling") return BEGINS.has(type);
  if (state.run.state !== "compensating" || undoOf(id) !== undefined) return false;
  return BEGINS.has(type) || type === "cmd.schedule";
}

/**
 * Items that have no event of their own end with their mapped step, without one each. Child runs that are
 * to be waited for go on.
 */
function* cancelItems(state: RunState, id: string, command: StepCommand): Generator<StepEvent> {
  const reason = command.type === "cmd.cancel" ? command.reason : `${id} has failed`;
  const cancel = { type: "cmd.cancel", now: command.now, reason } as const;
  const { running, retrying, held, pending, requested, delegated } = state;
  for (const other of [...running, ...retrying, ...held, ...pending, ...requested, ...delegated]) {
    const item = itemOf(other);
    if (item?.step !== id || !state.steps.has(other)) continue;
    const actor = stepActor(state, other);
    const isOpen = requested.has(other) || delegated.has(other);
    if (isOpen && actor.context.child?.onParentClose === "wait") continue;
    const cancelled = stepTable.decide(actor, cancel);
    if (cancelled.ok) yield* cancelled.value;
  }
}

/** Why an attempt did not succeed. */
export interface Setback {
  /** The attempt was to undo something: that must not fail for a budget that others have used up. */
  readonly undoes?: true;
  readonly attempt: number;
  readonly error: Failure;
  /**
   * `policy`: the step's policy decides on another attempt. `never`: trying again cannot help.
   * `lost`: the process that ran it is gone; the next attempt begins at once, unless it happens again.
   */
  readonly retry: "policy" | "never" | "lost";
  /** The step asked for this wait (ms) instead of its policy's; not used unless finite and >= 0. */
  readonly afterMs?: number | undefined;
  /** Uniform in [0, 1), for jitter. */
  readonly random: number;
}

/** The command for an attempt that did not succeed, with the wait that its policy asks for. */
export function setbackCommand(
  state: RunState,
  policy: RetryPolicy,
  setback: Setback,
  now: number,
): StepCommand {
  const { attempt, error, random } = setback;
  const budget = state.plan?.retryBudget ?? 0;
  const wait =
    setback.retry === "lost" && attempt === 1
      ? 0
      : (askedWait(setback) ?? backoffMs(policy, attempt, random));
  return {
    type: "cmd.fail",
    now,
    attempt,
    error,
    retry: setback.retry !== "never" && (setback.undoes === true || state.retries < budget),
    retryAt: now + wait,
  };
}

/** User code may ask for any number; what JSON cannot keep would make the run's log unreadable. */
const askedWait = ({ afterMs }: Setback): number | undefined =>
  afterMs !== undefined && Number.isFinite(afterMs) && afterMs >= 0
    ? Math.min(afterMs, Number.MAX_SAFE_INTEGER)
    : undefined;

/**
 * How many attempts a step gets when somebody has it tried again: as many as its policy gives.
 * @param policy of a step of code, as far as it is known
 */
export function attemptsOf(state: RunState, step: string, policy: StepPolicy | undefined): number {
  const { maxAttempts } = (planStep(state, step)?.policy ?? policy)?.retry ?? { maxAttempts: 1 };
  return undoOf(step) === undefined ? maxAttempts : Math.max(maxAttempts, UNDO_ATTEMPTS_MIN);
}

/** A step that must not be tried twice may well have an undo that can. */
export const UNDO_ATTEMPTS_MIN = 4;

/** The command that begins the next attempt. @param why what led to that node, if not the host's own will */
export const startCommand = (
  node: string,
  policy: StepPolicy,
  now: number,
  why: { readonly grant?: string; readonly placement?: Placement } = {},
): StepCommand => ({
  type: "cmd.start",
  now,
  node,
  ...(why.grant === undefined ? {} : { grant: why.grant }),
  ...(why.placement === undefined ? {} : { placement: why.placement }),
  ...(policy.startToCloseMs === undefined ? {} : { endBy: now + policy.startToCloseMs }),
});

/** A refusal as the error that its caller gets. */
export const refusalError = (what: string, refusal: Refusal): MillraceError =>
  new MillraceError(
    "E_COMMAND_REFUSED",
    `${what}: ${refusal.refused} is not possible in state ${refusal.state}`,
    {
      details: { state: refusal.state, refused: refusal.refused },
    },
  );
