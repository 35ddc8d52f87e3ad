/** Faults of the store, apart from those of users' code and values. */
import { isMillraceError } from "../kernel/errors.ts";

/** True for faults of the store: nothing is wrong with the run, and nothing can be written about it. */
export const isAway = (error: unknown): boolean =>
  isMillraceError(error, "E_STORE_UNAVAILABLE") || isMillraceError(error, "E_STORE_CLOSED");

/**
 * For whoever catches what a step or a run is to fail with: a store that is away for a moment must not do that.
 * Whoever hosts the run next decides anew.
 * @throws `error`, if it is a fault of the store
 */
export function rethrowAway(error: unknown): void {
  if (isAway(error)) throw error;
}
