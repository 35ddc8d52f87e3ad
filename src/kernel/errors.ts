/**
 * Errors. One base class with a stable code; the code names a page in docs/errors that says what
 * happened and what to do. Expected refusals inside the engine are values (`Result`), not errors.
 */

/** Every code, once. A page `docs/errors/<code>.md` exists for each; a test compares the two. */
export const errorCodes = [
  "E_ARCHIVE_INVALID",
  "E_CHILD_FAILED",
  "E_CODE_MISMATCH",
  "E_COMMAND_REFUSED",
  "E_CTX_CLOSED",
  "E_DEF_CYCLE",
  "E_DEF_DUPLICATE",
  "E_DEF_EMPTY",
  "E_DEF_INVALID",
  "E_DEF_TOO_LARGE",
  "E_DEF_UNKNOWN_STEP",
  "E_FENCED",
  "E_FRAME_INVALID",
  "E_ID_INVALID",
  "E_IRREVERSIBLE",
  "E_LOG_CORRUPT",
  "E_NODE_GONE",
  "E_NOT_JSON",
  "E_OPTION_INVALID",
  "E_OUTPUT_CONFLICT",
  "E_OUTPUT_NOT_FOUND",
  "E_OUTPUT_SEALED",
  "E_RESOURCES_UNAVAILABLE",
  "E_RESULT_NOT_FOUND",
  "E_RETRYABLE",
  "E_RUN_CANCELLED",
  "E_RUN_CONFLICT",
  "E_RUN_ERASED",
  "E_RUN_FAILED",
  "E_RUN_NOT_FOUND",
  "E_RUN_TERMINATED",
  "E_SCHEDULE_NOT_FOUND",
  "E_SCHEMA",
  "E_SERVER_UNSUITABLE",
  "E_STALE_STEP",
  "E_STEP_FAILED",
  "E_STEP_LOST",
  "E_STEP_NOT_FOUND",
  "E_STEP_TIMEOUT",
  "E_STORE_CLOSED",
  "E_STORE_DRIFT",
  "E_STORE_MISSING",
  "E_STORE_UNAVAILABLE",
  "E_TERMINAL",
  "E_TIMEOUT",
  "E_TOO_LARGE",
  "E_VALUE_LOST",
  "E_VERSION_UNKNOWN",
  "E_WORKFLOW_UNKNOWN",
] as const;

/** The code of a `MillraceError`. */
export type ErrorCode = (typeof errorCodes)[number];

const BRAND = Symbol.for("millrace.error");

/** What an error carries besides code and message. */
export interface ErrorDetail {
  /** The error that led to this one. */
  readonly cause?: unknown;
  /** Facts for programs, JSON only: ids, names, limits. Never payloads or secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** What millrace throws: `code` is for programs, `message` says what happened and what to do next. */
export class MillraceError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  readonly [BRAND] = true;

  constructor(code: ErrorCode, message: string, options: ErrorDetail = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** True for a `MillraceError`, also one from another copy of the package; with `code`, only for that code. */
export function isMillraceError(error: unknown, code?: ErrorCode): error is MillraceError {
  if (typeof error !== "object" || error === null) return false;
  try {
    return BRAND in error && (code === undefined || (error as MillraceError).code === code);
  } catch {
    // Anything can be thrown, also a proxy or a getter that throws when asked. Ours never do.
    return false;
  }
}

/** Thrown by a step to say: trying again cannot help. The step fails at once, whatever its retry policy. */
export class TerminalError extends MillraceError {
  constructor(message: string, options: ErrorDetail = {}) {
    super("E_TERMINAL", message, options);
  }
}

/** Thrown by a step to ask for another attempt, if its policy has one left, not before `after`. */
export class RetryableError extends MillraceError {
  /** Milliseconds to wait before the next attempt; undefined: as the policy says. */
  readonly afterMs: number | undefined;

  constructor(message: string, options: ErrorDetail & { readonly afterMs?: number } = {}) {
    super("E_RETRYABLE", message, options);
    this.afterMs = options.afterMs;
  }
}
