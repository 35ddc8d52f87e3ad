/**
 * One attempt of a step: the user's function, run under its timeouts. Whatever the function does, the
 * attempt ends exactly once, and what it ended with is a plain record.
 */
import type { Failure, Value } from "../../../machines/values.ts";
import type { StepPolicy } from "../../domain/plan.ts";
import { toFailure } from "../../events/failure.ts";
import { deferred } from "../../kernel/async.ts";
import type { Clock } from "../../kernel/clock.ts";
import { isMillraceError, MillraceError, type RetryableError } from "../../kernel/errors.ts";

/** How an attempt ended: with a recorded value, or with why it did not succeed. */
export type AttemptOutcome =
  | { readonly ok: true; readonly output: Value }
  | {
      readonly ok: false;
      readonly error: Failure;
      readonly retry: "policy" | "never" | "lost";
      readonly afterMs?: number | undefined;
    };

/** What is to be attempted, and under which timeouts. */
export interface AttemptTask {
  readonly step: string;
  readonly attempt: number;
  readonly policy: StepPolicy;
  /** Runs the user's function and records what it returned. Called once, in a later microtask. */
  run(signal: AbortSignal): Promise<Value>;
  /** The function has returned something although it was told to stop (not: in time). */
  late(output: Value): void;
}

/** An attempt that was begun and may still run. */
export interface RunningAttempt {
  readonly step: string;
  readonly attempt: number;
  /** Resolves once, never rejects. */
  readonly done: Promise<AttemptOutcome>;
  /** Restarts the heartbeat timeout. */
  beat(): void;
  /** Asks the function to stop (AbortSignal), and waits for what it makes of that. */
  ask(reason: MillraceError): void;
  /** Asks the function to stop (AbortSignal); `done` resolves as lost without waiting for it. */
  abort(reason: MillraceError): void;
}

/** Codes of failures that no further attempt can mend. */
const NEVER_MENDED = new Set(["E_TERMINAL", "E_NOT_JSON", "E_TOO_LARGE", "E_SCHEMA"]);

export function beginAttempt(clock: Clock, task: AttemptTask): RunningAttempt {
  const controller = new AbortController();
  const done = deferred<AttemptOutcome>();
  const cancels: (() => void)[] = [];
  let stopBeat = (): void => undefined;
  let ended = false;
  let aborted = false;

  const finish = (outcome: AttemptOutcome): void => {
    ended = true;
    for (const cancel of cancels) cancel();
    stopBeat();
    done.resolve(outcome);
  };
  const expire = (what: string, ms: number): void => {
    const error = new MillraceError(
      "E_STEP_TIMEOUT",
      `attempt ${task.attempt} of step ${task.step} ${what} ${ms} ms; it is asked to stop, and what it still returns is ignored`,
      { details: { step: task.step, attempt: task.attempt, ms } },
    );
    finish({ ok: false, error: toFailure(error), retry: "policy" });
    controller.abort(error);
  };
  const beat = (): void => {
    const { heartbeatMs } = task.policy;
    stopBeat();
    if (heartbeatMs === undefined || ended) return;
    stopBeat = clock.after(heartbeatMs, () => expire("sent no heartbeat for", heartbeatMs));
  };

  const { startToCloseMs } = task.policy;
  if (startToCloseMs !== undefined) {
    cancels.push(clock.after(startToCloseMs, () => expire("did not end within", startToCloseMs)));
  }
  beat();
  Promise.resolve()
    .then(() => task.run(controller.signal))
    .then(
      (output) => (aborted ? task.late(output) : finish({ ok: true, output })),
      (thrown: unknown) => finish(setbackOf(thrown)),
    );

  return {
    step: task.step,
    attempt: task.attempt,
    done: done.promise,
    beat,
    // Only the first reason counts.
    ask: (reason) => controller.abort(reason),
    abort(reason) {
      aborted = !ended;
      finish({ ok: false, error: toFailure(reason), retry: "lost" });
      controller.abort(reason);
    },
  };
}

function setbackOf(thrown: unknown): AttemptOutcome {
  const error = toFailure(thrown);
  const never = isMillraceError(thrown) && NEVER_MENDED.has(thrown.code);
  const afterMs = isMillraceError(thrown, "E_RETRYABLE")
    ? (thrown as RetryableError).afterMs
    : undefined;
  return { ok: false, error, retry: never ? "never" : "policy", afterMs };
}
