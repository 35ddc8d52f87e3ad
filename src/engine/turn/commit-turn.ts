/** A turn's commit, and what becomes of all that was taken for it. */
import { isMillraceError } from "../../kernel/errors.ts";
import type { CommitFate } from "../attempts/hand-over.ts";
import type { Engine } from "../engine.ts";
import type { Draft } from "./draft.ts";
import { commitBehindNotes } from "./rebase.ts";
import type { TurnOutcome } from "./turn.ts";

/**
 * As `commitBehindNotes`; then gives back what is held for attempts that do not begin, unless the log may say
 * that they have. When `signal` has aborted, nothing begins.
 */
export async function commitTurn(
  engine: Engine,
  draft: Draft,
  outcome: TurnOutcome,
  signal: AbortSignal,
): Promise<boolean> {
  let fate: CommitFate = "unknown";
  try {
    const stands = await commitBehindNotes(engine, draft, outcome.inbox, signal);
    fate = stands ? "stands" : "refused";
    return stands;
  } catch (error) {
    if (isMillraceError(error, "E_TOO_LARGE")) fate = "refused";
    throw error;
  } finally {
    outcome.settle(fate, fate === "stands" && !signal.aborted);
  }
}
