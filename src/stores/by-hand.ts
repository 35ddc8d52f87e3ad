/** Runs that begin with the first thing recorded for them: nobody asked for them by name. */
import type { RunEvent } from "../../machines/run-data.ts";
import type { CodePlan } from "../domain/plan.ts";
import type { Draft } from "../engine/draft.ts";
import { digest } from "../kernel/json.ts";
import { BY_HAND, rest } from "./driven-run.ts";

/** Their workflow, in lists and subjects. */
export const BY_HAND_WORKFLOW = "by-hand";

const CONTENT = digest(BY_HAND_WORKFLOW);
const PLAN: CodePlan = { kind: "code", version: CONTENT, retryBudget: 0, declares: [] };

/** Adds the beginning of the run to the draft if the run has none. */
export function beginByHand(draft: Draft, node: string): void {
  if (draft.state.cursor.seq > 0) return;
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
