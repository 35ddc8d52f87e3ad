/** The projections over all runs, which keep copies of themselves in the store. */
import { blobReferences } from "./blob-references.ts";
import { openApprovals } from "./open-approvals.ts";
import { outputIndex } from "./output-index.ts";
import type { Projection } from "./projection.ts";
import { runSummary } from "./run-summary.ts";
import { scheduleList } from "./schedule-list.ts";

export const savedProjections: readonly Projection<unknown>[] = [
  runSummary,
  openApprovals,
  outputIndex,
  blobReferences,
  scheduleList,
];
