/** Lists of runs. */
import type { Projector } from "../../engine/reading/projector.ts";
import { checkId } from "../../kernel/ids.ts";
import {
  type RunStatus,
  type RunSummaries,
  type RunSummary,
  runStatuses,
  shownStatus,
} from "../../projections/run-summary.ts";
import { didYouMean } from "../../workflow/suggest.ts";
import { callOptions, invalidOption, wholeOption } from "../options.ts";

/** Which runs `list` gives. */
export interface ListOptions {
  readonly workflow?: string;
  readonly status?: RunStatus;
  /** At most so many, the newest first. @default 100 */
  readonly limit?: number;
}

/** See `Client.list`. */
export async function listRuns(
  summaries: Projector<RunSummaries>,
  options: ListOptions,
): Promise<readonly RunSummary[]> {
  const given = callOptions("list()", options, ["workflow", "status", "limit"]);
  const { workflow, status } = given;
  const limit = wholeOption("limit", given.limit ?? 100, 0);
  if (workflow !== undefined) checkId("workflow name", workflow);
  if (status !== undefined && !runStatuses.includes(status)) {
    const known = `${didYouMean(String(status), runStatuses)}; known are ${runStatuses.join(", ")}`;
    throw invalidOption("status", `not a status${known}`);
  }
  const found: RunSummary[] = [];
  for (const summary of (await summaries.current()).values()) {
    if (workflow !== undefined && summary.workflow !== workflow) continue;
    const shown = shownStatus(summary);
    if (status !== undefined && shown !== status) continue;
    found.push({ ...structuredClone(summary), status: shown });
  }
  return found.sort((a, b) => b.createdAt - a.createdAt || b.position - a.position).slice(0, limit);
}
