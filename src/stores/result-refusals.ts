/** Why a result cannot be had, as its caller is told. */
import { isMillraceError, MillraceError } from "../kernel/errors.ts";

/** @param why as in "nothing is stored under it" */
export const notFound = (dag: string, id: string, why: string): MillraceError =>
  new MillraceError("E_RESULT_NOT_FOUND", `result ${id} of run ${dag} is not here: ${why}`, {
    details: { run: dag, id },
  });

/** @param what what became of the value, as in "does not have it any more" */
export const lost = (node: string, digest: string, what: string): MillraceError =>
  new MillraceError("E_VALUE_LOST", `value ${digest}: node ${node} ${what}; compute it again`, {
    details: { node, digest },
  });

/** The value was there, on a node, and is not any more. */
export const isLost = (error: unknown): boolean =>
  isMillraceError(error, "E_NODE_GONE") || isMillraceError(error, "E_VALUE_LOST");

/** Refusals that may pass: the value may still be stored, or be stored again. */
export const isNotYet = (error: unknown): boolean =>
  isLost(error) || isMillraceError(error, "E_RESULT_NOT_FOUND");
