/** Why a host lets a run go: what whoever waits in its steps is told. */
import type { RunState } from "../../domain/state.ts";
import { isMillraceError, MillraceError } from "../../kernel/errors.ts";

/** It has ended, or is parked: nothing of it goes on here. */
export const over = (run: string, how: "has ended" | "is parked"): MillraceError =>
  new MillraceError("E_CTX_CLOSED", `run ${run} ${how}`);

/** What was known of it when it was claimed is out of date. */
export const outdated = (run: string): MillraceError =>
  new MillraceError("E_FENCED", `run ${run} has moved on before it was claimed`);

/** Somebody else has claimed it. */
export function overtaken({ id, run }: RunState): MillraceError {
  const { node, epoch } = run.context;
  return new MillraceError(
    "E_FENCED",
    `run ${id} is hosted by ${node ?? "nobody"} in epoch ${epoch} now`,
  );
}

/** Others write to it without end. */
export const contended = (run: string): MillraceError =>
  new MillraceError(
    "E_STORE_UNAVAILABLE",
    `run ${run} is written to from elsewhere without end; it is given back`,
  );

/** Something went wrong: with the store, or here. */
export const faultOf = (run: string, cause: unknown): MillraceError =>
  isMillraceError(cause)
    ? cause
    : new MillraceError("E_FENCED", `run ${run} met a fault: ${String(cause)}`, { cause });
