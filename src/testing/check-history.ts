/**
 * Recorded histories against today's code: what a deploy would break, found before it is deployed. The
 * function of a code workflow is run along the history; of a graph, plan and code are compared.
 */
import type { BlobStore } from "../ports/blob-store.ts";
import type { Workflow } from "../workflow/definition.ts";
import { foldHistory, type History, type HistoryDifference } from "./folded-history.ts";
import { followCode } from "./follow-code.ts";
import { followPlan } from "./follow-plan.ts";

/** What became of a history. */
export interface HistoryReport {
  /** Today's code would have led to the same history, as far as it goes. */
  readonly follows: boolean;
  /** Today's code could go on with a run that began like this. */
  readonly goesOn: boolean;
  /** The first one first. */
  readonly differences: readonly HistoryDifference[];
}

/** Where to find what a history refers to. */
export interface CheckHistoryOptions {
  /** Of the store that the history comes from; needed for inputs, results and payloads above 64 KiB. */
  readonly blobs?: BlobStore;
}

/**
 * Says whether today's code still follows a recorded history.
 * @throws MillraceError `E_LOG_CORRUPT` when the events are not the history of one run, from its first on
 */
export async function checkHistory(
  workflow: Workflow,
  history: History,
  options: CheckHistoryOptions = {},
): Promise<HistoryReport> {
  const folded = await foldHistory(history);
  const { context } = folded.state.run;
  const differences: HistoryDifference[] = [];
  if (context.workflow !== workflow.name) {
    differences.push(
      ofWorkflow(`the history is one of workflow ${context.workflow}, not of ${workflow.name}`),
    );
  } else if (workflow.kind !== folded.state.plan?.kind) {
    const was = folded.state.plan?.kind ?? "nothing";
    differences.push(ofWorkflow(`the run began as ${was}, and the workflow is ${workflow.kind}`));
  } else if (workflow.kind === "graph") differences.push(...followPlan(workflow, folded));
  else differences.push(...(await followCode(workflow, folded, options.blobs)));
  return {
    follows: differences.length === 0,
    goesOn: differences.every(({ breaks }) => !breaks),
    differences,
  };
}

const ofWorkflow = (message: string): HistoryDifference => ({
  what: "the workflow",
  seq: 1,
  breaks: true,
  message,
});
