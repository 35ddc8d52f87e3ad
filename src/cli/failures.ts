/** What the shell gets when something went wrong: an exit code, and lines on stderr. */
import { CommanderError } from "commander";
import type { Failure } from "../../machines/values.ts";
import { toFailure } from "../events/failure.ts";
import { type ErrorCode, isMillraceError, MillraceError } from "../kernel/errors.ts";
import { visible, visibleLines } from "./render.ts";
import { withoutSecrets } from "./secrets.ts";

/**
 * Exit codes of the command line. A process that a signal ends at once exits with 128 + its number,
 * as shells have it.
 */
export const exits = {
  ok: 0,
  /** The run failed, was cancelled or was terminated; `doctor`: a contract case failed. */
  failed: 1,
  /** The command, its input, its file or a definition in it cannot be used. */
  usage: 2,
  /** The store cannot be reached, or cannot be used as it is. */
  store: 3,
  /** The run does not exist, or its state forbids what was asked. */
  refused: 4,
  /** A fault of millrace or of code that escaped its step (EX_SOFTWARE of sysexits.h). */
  internal: 70,
} as const;

const byCode: Readonly<Record<ErrorCode, keyof typeof exits>> = {
  E_CHILD_FAILED: "failed",
  E_CODE_MISMATCH: "failed",
  E_COMMAND_REFUSED: "refused",
  E_IRREVERSIBLE: "refused",
  E_CTX_CLOSED: "failed",
  E_DEF_CYCLE: "usage",
  E_DEF_DUPLICATE: "usage",
  E_DEF_EMPTY: "usage",
  E_DEF_INVALID: "usage",
  E_DEF_TOO_LARGE: "usage",
  E_DEF_UNKNOWN_STEP: "usage",
  E_FENCED: "refused",
  E_FRAME_INVALID: "store",
  E_ID_INVALID: "usage",
  E_LOG_CORRUPT: "store",
  E_NODE_GONE: "store",
  E_ARCHIVE_INVALID: "usage",
  E_NOT_JSON: "usage",
  E_OPTION_INVALID: "usage",
  E_OUTPUT_CONFLICT: "refused",
  E_OUTPUT_NOT_FOUND: "refused",
  E_OUTPUT_SEALED: "refused",
  E_RESOURCES_UNAVAILABLE: "failed",
  E_RESULT_NOT_FOUND: "refused",
  E_RETRYABLE: "failed",
  E_RUN_CANCELLED: "failed",
  E_RUN_CONFLICT: "refused",
  E_RUN_ERASED: "refused",
  E_RUN_FAILED: "failed",
  E_RUN_NOT_FOUND: "refused",
  E_RUN_TERMINATED: "failed",
  E_SCHEDULE_NOT_FOUND: "refused",
  E_SCHEMA: "usage",
  E_SERVER_UNSUITABLE: "store",
  E_STALE_STEP: "refused",
  E_STEP_FAILED: "failed",
  E_STEP_LOST: "failed",
  E_STEP_NOT_FOUND: "refused",
  E_STEP_TIMEOUT: "failed",
  E_STORE_CLOSED: "store",
  E_STORE_DRIFT: "store",
  E_STORE_MISSING: "store",
  E_STORE_UNAVAILABLE: "store",
  E_TERMINAL: "failed",
  E_TIMEOUT: "failed",
  E_TOO_LARGE: "usage",
  E_VALUE_LOST: "store",
  E_VERSION_UNKNOWN: "usage",
  E_WORKFLOW_UNKNOWN: "usage",
};

/** The exit code that says what `error` means. */
export const exitCodeOf = (error: unknown): number =>
  exits[isMillraceError(error) ? byCode[error.code] : "internal"];

/** What commander refused, as an error like all others. */
export function usageError(error: CommanderError): MillraceError {
  const message = error.message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " ");
  const advised = /Did you mean|Allowed choices|It must be/.test(message);
  const advice = advised ? "" : "; see `millrace help`, or `millrace help COMMAND`";
  return new MillraceError("E_OPTION_INVALID", message.replace(/\.$/, "") + advice, {
    cause: error,
  });
}

/** `error` for stderr: code and message, its causes, and where to read on. Secrets are masked. */
export function failureLines(error: unknown): string[] {
  if (!isMillraceError(error)) {
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return visibleLines(withoutSecrets(`internal error: ${told}`));
  }
  const { code, message, cause } = error;
  // What commander threw says the same words once more.
  const told = cause === undefined || cause instanceof CommanderError;
  return [
    `${code}: ${visible(withoutSecrets(message))}`,
    ...(told ? [] : causeLines(toFailure(cause))),
    `  see docs/errors/${code}.md`,
  ];
}

/** Places in the code that are shown of each cause. */
const FRAMES_SHOWN = 4;
/** Places that say nothing to users: in Node, in libraries, in millrace itself. */
const OWN_CODE = new URL("..", import.meta.url).href;
const isForeign = (line: string): boolean =>
  /\bnode:|\/node_modules\/|\(<anonymous>\)$/.test(line) || line.includes(OWN_CODE);

/** A recorded failure and its causes, indented, each with the places in the code where it came from. */
export function causeLines(failure: Failure): string[] {
  const { code, message, stack = "", cause } = failure;
  const frames = stack.split("\n").filter((line) => /^\s+at /.test(line) && !isForeign(line));
  return [
    ...visibleLines(withoutSecrets(`caused by ${code}: ${message}`)),
    ...frames.slice(0, FRAMES_SHOWN).map((line) => `  ${visible(line.trim())}`),
  ]
    .map((line) => `  ${line}`)
    .concat(cause === undefined ? [] : causeLines(cause));
}
