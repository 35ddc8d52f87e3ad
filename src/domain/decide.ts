/**
 * Commands into events. What a command leads to is what the machine emits for it; this file only finds
 * the machine's actor and adds what the machine cannot know. Pure: the state is not changed.
 */

import type { RunCommand, RunEvent } from "../../machines/run-data.ts";
import type { StepCommand, StepEvent } from "../../machines/step-data.ts";
import type { Failure } from "../../machines/values.ts";
import { MillraceError } from "../kernel/errors.ts";
import type { Result } from "../kernel/result.ts";
import type { RetryPolicy, StepPolicy } from "./plan.ts";
import { backoffMs } from "./retry.ts";
import { type RunState, runTable, stepActor, stepTable } from "./state.ts";
import type { Refusal } from "./table.ts";

export const decideRun = (
  state: RunState,
  command: RunCommand,
): Result<readonly RunEvent[], Refusal> => runTable.decide(state.run, command);

export const decideStep = (
  state: RunState,
  id: string,
  command: StepCommand,
): Result<readonly StepEvent[], Refusal> => stepTable.decide(stepActor(state, id), command);

/** Why an attempt did not succeed. */
export interface Setback {
  readonly attempt: number;
  readonly error: Failure;
  /**
   * `policy`: the step's policy decides on another attempt. `never`: trying again cannot help.
   * `lost`: the process that ran it is gone; the next attempt begins at once, unless it happens again.
   */
  readonly retry: "policy" | "never" | "lost";
  /** The step asked for this wait (ms) instead of its policy's. */
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
      : (setback.afterMs ?? backoffMs(policy, attempt, random));
  return {
    type: "cmd.fail",
    now,
    attempt,
    error,
    retry: setback.retry !== "never" && state.retries < budget,
    retryAt: now + wait,
  };
}

/** The command that begins the next attempt. */
export const startCommand = (node: string, policy: StepPolicy, now: number): StepCommand => ({
  type: "cmd.start",
  now,
  node,
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
