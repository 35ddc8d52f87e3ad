/** Exceptions to records: bounded, safe against hostile error objects, cause chain kept. */
import type { Failure } from "../../machines/values.ts";
import { isMillraceError } from "../kernel/errors.ts";
import { limits } from "../kernel/limits.ts";

/** What is recorded of anything that was thrown. Never throws itself. */
export function toFailure(thrown: unknown, depth = 0): Failure {
  if (!(thrown instanceof Error)) {
    return { code: "Error", message: clip(describe(thrown), limits.errorMessageCharsMax) };
  }
  const stack = text(() => thrown.stack);
  const cause = depth < limits.errorCauseDepthMax ? probe(() => thrown.cause) : undefined;
  return {
    code: clip(codeOf(thrown), 128),
    message: clip(text(() => thrown.message) ?? "", limits.errorMessageCharsMax),
    ...(stack === undefined ? {} : { stack: clip(stack, limits.errorStackCharsMax) }),
    ...(cause === undefined ? {} : { cause: toFailure(cause, depth + 1) }),
  };
}

function codeOf(error: Error): string {
  if (isMillraceError(error)) return error.code;
  const code = text(() => (error as { code?: unknown }).code);
  return code ?? text(() => error.name) ?? "Error";
}

/** Reads a property that may be a throwing getter. */
function probe(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    // A getter that throws tells nothing; the failure being recorded is the error around it.
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
