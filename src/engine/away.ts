/** Faults of the store, apart from those of users' code and values. */
import { isMillraceError } from "../kernel/errors.ts";

/** True for faults of the store: nothing is wrong with the run, and nothing can be written about it. */
export const isAway = (error: unknown): boolean =>
  isMillraceError(error, "E_STORE_UNAVAILABLE") || isMillraceError(error, "E_STORE_CLOSED");

/**
 * For what is caught to fail a step or a run with it: a store that is away for a moment must not do that. Whoever
 * hosts the run next decides anew.
 */
export function passAway(error: unknown): void {
  if (isAway(error)) throw error;
}
