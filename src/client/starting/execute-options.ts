/** Options of `execute`, `executeDistributed` and `executeLocal`. */
import { type Duration, millis } from "../../kernel/duration.ts";
import { readStrategy } from "../../workflow/compile.ts";
import type { DagCall } from "../../workflow/dag-compile.ts";
import { RETRIES } from "../../workflow/dag-function.ts";
import { callOptions, invalidOption, wholeOption } from "../options.ts";

/** How the functions of one call are run. */
export interface ExecuteOptions {
  /** The run's id, and the `dagId` of the answer. With one that was used before: that run's answer. @default a new one */
  readonly id?: string;
  /** Further attempts of functions that say nothing themselves. @default 3 */
  readonly maxRetries?: number;
  /** Functions that run at once, on all nodes together. @default no bound but that of the nodes */
  readonly maxConcurrency?: number;
  /**
   * When a function fails for good: `fail-fast` cancels the others, and the call rejects; `continue` runs
   * all that does not need it, and the call resolves with its failure. @default "fail-fast"
   */
  readonly onFailure?: "fail-fast" | "continue";
  /**
   * Who chooses the nodes: `first-available` (Handoff's), `load-balanced`, `locality-aware`, or one given to
   * `open({ allocators })` by name. @default "first-available"
   */
  readonly strategy?: string;
  /** After this long everything is cancelled, and the call rejects. @default never */
  readonly timeout?: Duration;
}

/** Options of a call after reading. */
export interface CheckedExecution {
  readonly id?: string | undefined;
  readonly call: DagCall;
  readonly timeoutMs?: number | undefined;
}

const KNOWN = ["id", "maxRetries", "maxConcurrency", "onFailure", "strategy", "timeout"] as const;

/** @throws MillraceError `E_OPTION_INVALID` */
export function checkExecution(options: ExecuteOptions): CheckedExecution {
  const { id, timeout, ...call } = callOptions("execute()", options, KNOWN);
  const { maxRetries, maxConcurrency, onFailure } = call;
  if (maxRetries !== undefined && wholeOption("maxRetries", maxRetries, 0) > RETRIES.max) {
    throw invalidOption("maxRetries", `${maxRetries} is above ${RETRIES.max}`);
  }
  if (maxConcurrency !== undefined) wholeOption("maxConcurrency", maxConcurrency, 1);
  if (onFailure !== undefined && onFailure !== "fail-fast" && onFailure !== "continue") {
    throw invalidOption("onFailure", 'must be "fail-fast" or "continue"');
  }
  readStrategy("execute()", call.strategy);
  const timeoutMs = timeout === undefined ? undefined : millis("timeout", timeout);
  return { id, call, timeoutMs };
}
