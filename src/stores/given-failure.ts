/** Errors as callers of the stores hand them in, which need not have been thrown. */
import type { Failure } from "../../machines/values.ts";
import { toFailure } from "../events/failure.ts";

/** What is recorded of it. Objects with a message keep it, and their code, as the seed's error maps. */
export function givenFailure(error: unknown): Failure {
  if (error instanceof Error || typeof error !== "object" || error === null) {
    return toFailure(error);
  }
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (typeof message !== "string") return toFailure(error);
  return { code: typeof code === "string" ? code : "Error", message };
}
