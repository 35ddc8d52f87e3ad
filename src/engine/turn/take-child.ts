/** What a run is told of its child runs: by itself, once it has started or stopped one, and by their ends. */
import type { Failure } from "../../../machines/values.ts";
import { type RunState, stepActor } from "../../domain/state.ts";
import type { Refusal } from "../../domain/table.ts";
import { limits } from "../../kernel/limits.ts";
import type { Draft } from "./draft.ts";
import type { Input } from "./input.ts";
import type { ChildMail } from "./mail.ts";

/** Something that was owed to a child run is done, or cannot be. What is told twice is no news. */
export function takeChildMail(draft: Draft, { duty, step, attempt, error }: ChildMail): void {
  const { state, now } = draft;
  if (stepActor(state, step).context.attempt !== attempt) return;
  if (duty === "stop" && state.stopping.has(step)) draft.step(step, { type: "cmd.confirm", now });
  if (duty === "stop" || !state.requested.has(step)) return;
  if (error === undefined) draft.step(step, { type: "cmd.confirm", now });
  else draft.step(step, { type: "cmd.fail", now, attempt, error, retry: false, retryAt: now });
}

/**
 * A child run has ended. Refused when it is none of the run's; told again, or for a run of the same chain
 * that is over, it is no news.
 */
export function takeChildReport(
  draft: Draft,
  { parent, step, run, output, error }: Extract<Input, { kind: "child" }>,
): Refusal | undefined {
  const { state, now } = draft;
  if (parent !== state.id) return undefined;
  const { attempt, child } = stepActor(state, step).context;
  if (child?.run !== run) return { state: "undeclared", refused: "cmd.complete" };
  if (!isOpen(state, step)) return undefined;
  if (output !== undefined) return draft.step(step, { type: "cmd.complete", now, attempt, output });
  // It was to be asked to stop, and has ended otherwise meanwhile: as was decided.
  if (state.stopping.has(step)) return draft.step(step, { type: "cmd.confirm", now });
  const failed = childFailure(run, error);
  return draft.step(step, {
    type: "cmd.fail",
    now,
    attempt,
    error: failed,
    retry: false,
    retryAt: now,
  });
}

const isOpen = ({ requested, delegated, stopping }: RunState, step: string): boolean =>
  requested.has(step) || delegated.has(step) || stopping.has(step);

/** What the parent records of a child run that did not complete. */
function childFailure(
  run: string,
  cause: Failure = { code: "Error", message: "unknown" },
): Failure {
  const message = `child run ${run} did not complete: ${cause.message}`;
  return {
    code: "E_CHILD_FAILED",
    message: message.slice(0, limits.errorMessageCharsMax),
    cause: withoutDepths(cause, limits.errorCauseDepthMax),
  };
}

/** Children of children of children would make it longer and longer. */
function withoutDepths({ cause, ...failure }: Failure, depth: number): Failure {
  return cause === undefined || depth === 0
    ? failure
    : { ...failure, cause: withoutDepths(cause, depth - 1) };
}
