/** One page of a run index as a query: one filter leads, along an index that has the order; others are compared. */
import type { RunFilter, RunOrder, RunPlace } from "../../ports/run-index.ts";
import type { RunStatus } from "../../projections/run-summary.ts";

/** A filter with one status at most. */
export interface OneStatusFilter extends RunFilter {
  readonly status: RunStatus | undefined;
}

/** The query and what is put into its places. */
export interface PageQuery {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/** The page behind `after`, the newest first. */
export function pageQuery(
  filter: OneStatusFilter,
  order: RunOrder,
  after: RunPlace | undefined,
  limit: number,
): PageQuery {
  const conditions: string[] = [];
  const values: (string | number)[] = [];
  const where = (condition: string, ...given: (string | number)[]): void => {
    conditions.push(condition);
    values.push(...given);
  };
  const [first, ...otherLabels] = Object.entries(filter.labels ?? {});
  if (first !== undefined) where("lead.name = ? AND lead.value = ?", ...first);
  for (const [name, value] of otherLabels) {
    where(
      "EXISTS (SELECT 1 FROM labels WHERE name = ? AND value = ? AND created = runs.created AND run = runs.run)",
      ...[name, value],
    );
  }
  const { parent, correlation, failedStep, waiting, workflow, status } = filter;
  const { createdFrom, createdUntil } = filter;
  if (correlation !== undefined) where("correlation = ?", correlation);
  if (parent !== undefined) where("parent = ?", parent);
  if (failedStep !== undefined) where("failed = ?", failedStep);
  if (waiting !== undefined) where("waiting = ?", waiting);
  if (workflow !== undefined) where("workflow = ?", workflow);
  if (status !== undefined) where("status = ?", status);
  if (createdFrom !== undefined) where("runs.created >= ?", createdFrom);
  if (createdUntil !== undefined) where("runs.created < ?", createdUntil);
  // Along the labels the order is theirs: the same values, where the index has them.
  const table = first !== undefined && order === "created" ? "lead" : "runs";
  if (after !== undefined) where(`(${table}.${order}, ${table}.run) < (?, ?)`, after.at, after.run);
  const from =
    first === undefined
      ? `runs INDEXED BY ${leading(filter, order)}`
      : "labels AS lead CROSS JOIN runs ON runs.run = lead.run";
  const having = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
  const sql = `SELECT summary FROM ${from} ${having} ORDER BY ${table}.${order} DESC, ${table}.run DESC LIMIT ?`;
  return { sql, values: [...values, limit] };
}

/** The index to go along: the narrowest that has the order, or one narrow enough to be sorted. */
function leading(filter: OneStatusFilter, order: RunOrder): string {
  if (filter.correlation !== undefined) return "by_correlation";
  if (filter.parent !== undefined) return "by_parent";
  if (filter.failedStep !== undefined) return "by_failed";
  if (filter.waiting !== undefined) return "by_waiting";
  if (order === "updated") {
    if (filter.status !== undefined) return "by_status_updated";
    return filter.workflow === undefined ? "by_updated" : "by_workflow_updated";
  }
  if (filter.workflow !== undefined) {
    return filter.status === undefined ? "by_workflow" : "by_workflow_status";
  }
  return filter.status === undefined ? "by_created" : "by_status";
}
