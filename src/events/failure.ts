/** Exceptions to records: bounded, safe against hostile error objects, cause chain kept. */
import { types } from "node:util";
import type { Failure } from "../../machines/values.ts";
import { limits } from "../kernel/limits.ts";

/** What is recorded of anything that was thrown. Never throws itself. */
export function toFailure(thrown: unknown, depth = 0): Failure {
  const error = probe(() => asError(thrown));
  if (error === undefined) {
    return { code: "Error", message: clip(describe(thrown), limits.errorMessageCharsMax) };
  }
  const stack = text(() => error.stack);
  const cause = depth < limits.errorCauseDepthMax ? probe(() => error.cause) : undefined;
  return {
    code: clip(codeOf(error), CODE_CHARS_MAX),
    message: clip(text(() => error.message) ?? "", limits.errorMessageCharsMax),
    ...(stack === undefined ? {} : { stack: clip(stack, limits.errorStackCharsMax) }),
    ...(cause === undefined ? {} : { cause: toFailure(cause, depth + 1) }),
  };
}

const CODE_CHARS_MAX = 128;

/** Asking a proxy runs its traps. Errors of another realm (`node:vm`, some test runners) count too. */
const asError = (thrown: unknown): Error | undefined =>
  thrown instanceof Error || types.isNativeError(thrown) ? thrown : undefined;

const codeOf = (error: Error): string =>
  text(() => (error as { code?: unknown }).code) ?? text(() => error.name) ?? "Error";

/** Reads what may be a getter or a trap that throws. */
function probe<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    // What throws when looked at tells nothing; the failure being recorded is the error around it.
    return undefined;
  }
}

function text(read: () => unknown): string | undefined {
  const found = probe(read);
  return typeof found === "string" ? found : undefined;
}

function describe(thrown: unknown): string {
  const found = probe(() => (typeof thrown === "object" ? JSON.stringify(thrown) : String(thrown)));
  return typeof found === "string" ? found : `a thrown ${typeof thrown}`;
}

const clip = (whole: string, max: number): string =>
  whole.length <= max ? whole : `${whole.slice(0, max - 1)}…`;
