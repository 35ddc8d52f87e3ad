/**
 * Recorded histories against today's code: what a deploy would break, found before it is deployed. The
 * function of a code workflow is run along the history; of a graph, plan and code are compared.
 */
import type { RunState } from "../domain/state.ts";
import type { BlobStore } from "../ports/blob-store.ts";
import type { Workflow } from "../workflow/definition.ts";
import { foldOnPlan } from "./fold-on-plan.ts";
import {
  type Folded,
  foldHistory,
  type History,
  type HistoryDifference,
} from "./folded-history.ts";
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
  const differences = await differencesOf(workflow, await foldHistory(history), options);
  return {
    follows: differences.length === 0,
    goesOn: differences.every(({ breaks }) => !breaks),
    differences,
  };
}

/** What differs between a history and what today's code would do, the first one first. */
export async function differencesOf(
  workflow: Workflow,
  folded: Folded,
  options: CheckHistoryOptions,
): Promise<readonly HistoryDifference[]> {
  const misfit = kindMisfit(workflow, folded);
  if (misfit !== undefined) return [misfit];
  if (workflow.kind === "graph") return [...followPlan(workflow, folded)];
  return followCode(workflow, folded, options.blobs);
}

/**
 * Why a run with that history cannot be moved to this version of its workflow: it would have to have come to
 * where it is with the new plan, or the new function. Empty: it can.
 */
export async function whyNotMoved(
  workflow: Workflow,
  folded: Folded,
  ground: () => Promise<RunState>,
  options: CheckHistoryOptions,
): Promise<readonly HistoryDifference[]> {
  const misfit = kindMisfit(workflow, folded);
  if (misfit !== undefined) return [misfit];
  if (workflow.kind === "graph") return foldOnPlan(workflow.plan, folded, await ground());
  const differences = await followCode(workflow, folded, options.blobs);
  return differences.filter(({ breaks }) => breaks);
}

function kindMisfit(workflow: Workflow, { state }: Folded): HistoryDifference | undefined {
  const { context } = state.run;
  if (context.workflow !== workflow.name) {
    return ofWorkflow(
      `the history is one of workflow ${context.workflow}, not of ${workflow.name}`,
    );
  }
  if (workflow.kind === state.plan?.kind) return undefined;
  const was = state.plan?.kind ?? "nothing";
  return ofWorkflow(`the run began as ${was}, and the workflow is ${workflow.kind}`);
}

const ofWorkflow = (message: string): HistoryDifference => ({
  what: "the workflow",
  seq: 1,
  breaks: true,
  message,
});
