/** Why a result cannot be had, as its caller is told. */
import { isLost } from "../engine/values/local-copies.ts";
import { isMillraceError, MillraceError } from "../kernel/errors.ts";

/** @param why as in "nothing is stored under it" */
export const notFound = (dag: string, id: string, why: string): MillraceError =>
  new MillraceError("E_RESULT_NOT_FOUND", `result ${id} of run ${dag} is not here: ${why}`, {
    details: { run: dag, id },
  });

/** Refusals that may pass: the value may still be stored, or be stored again. */
export const isNotYet = (error: unknown): boolean =>
  isLost(error) || isMillraceError(error, "E_RESULT_NOT_FOUND");
