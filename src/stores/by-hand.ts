/** Runs that begin with the first thing recorded for them: nobody asked for them by name. */
import type { RunEvent } from "../../machines/run-data.ts";
import type { CodePlan } from "../domain/plan.ts";
import type { Draft } from "../engine/turn/draft.ts";
import { MillraceError } from "../kernel/errors.ts";
import { digest } from "../kernel/json.ts";
import { BY_HAND, rest } from "./driven-run.ts";

/** Their workflow, in lists and subjects. */
export const BY_HAND_WORKFLOW = "by-hand";

const CONTENT = digest(BY_HAND_WORKFLOW);
const PLAN: CodePlan = { kind: "code", version: CONTENT, retryBudget: 0, declares: [] };

/**
 * Adds the beginning of the run to the draft if the run has none.
 * @throws MillraceError `E_RUN_ERASED`: what comes late must not bring back a run that was deleted
 */
export function beginByHand(draft: Draft, node: string): void {
  const { id, cursor } = draft.state;
  if (cursor.seq > 0) return;
  if (cursor.head > 0) {
    throw new MillraceError(
      "E_RUN_ERASED",
      `run ${id} was erased and takes nothing more; use another run id, or begin it anew with createRun`,
      { details: { run: id } },
    );
  }
  const created: RunEvent = {
    type: "run.created",
    at: draft.now,
    workflow: BY_HAND_WORKFLOW,
    content: CONTENT,
    input: { json: null },
    plan: PLAN,
  };
  draft.add([created]);
  rest(draft, node, BY_HAND);
}
