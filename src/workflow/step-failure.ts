/** Recorded failures back into errors, for the code that awaits a step. */
import type { Failure } from "../../machines/values.ts";
import { MillraceError } from "../kernel/errors.ts";

/**
 * What the promise of a failed step rejects with: `E_STEP_FAILED`, its cause made from the record.
 */
export function stepFailedError(step: string, failure: Failure, cancelled: boolean): MillraceError {
  return new MillraceError(
    "E_STEP_FAILED",
    `step ${step} ${cancelled ? "was cancelled" : "failed"}: ${failure.message}`,
    { cause: toError(failure), details: { step, code: failure.code, cancelled } },
  );
}

/**
 * What the promise of a child run, or of several, rejects with: `E_CHILD_FAILED`, its cause what kept the
 * child from its result.
 * @param run the child run; undefined: one of several
 */
export function childFailedError(
  step: string,
  run: string | undefined,
  failure: Failure,
  cancelled: boolean,
): MillraceError {
  const cause = failure.code === "E_CHILD_FAILED" ? (failure.cause ?? failure) : failure;
  return new MillraceError(
    "E_CHILD_FAILED",
    `child ${step} ${cancelled ? "was cancelled" : "failed"}: ${failure.message}`,
    {
      cause: toError(cause),
      details: { child: step, ...(run === undefined ? {} : { run }), code: cause.code, cancelled },
    },
  );
}

/** An error with the message, code, stack and causes that were recorded. */
export function toError(failure: Failure): Error & { readonly code: string } {
  const { code, message, stack, cause } = failure;
  const error = new Error(message, cause === undefined ? undefined : { cause: toError(cause) });
  return Object.assign(error, { code }, stack === undefined ? {} : { stack });
}
