/** Searching runs, page by page, and counting them. */
import type { RunIndexKeeper } from "../../engine/reading/run-index-keeper.ts";
import { checkId } from "../../kernel/ids.ts";
import type { RunFilter, RunOrder, RunPlace } from "../../ports/run-index.ts";
import { type RunStatus, type RunSummary, runStatuses } from "../../projections/run-summary.ts";
import { didYouMean } from "../../workflow/suggest.ts";
import { callOptions, invalidOption, isPlainObject, wholeOption } from "../options.ts";

/** Which runs, in which order, and which page of them. Filters that are absent do not matter. */
export interface SearchOptions extends RunFilter {
  /** The newest first, by when they were created or when something last happened to them. @default "created" */
  readonly order?: RunOrder;
  /** At most so many per page, 1 to 1,000. @default 100 */
  readonly limit?: number;
  /** `next` of the page before. @default the first page */
  readonly cursor?: string;
}

/** One page of runs. */
export interface RunPage {
  readonly runs: readonly RunSummary[];
  /** For the next page; null: this is the last one. */
  readonly next: string | null;
}

const OPTIONS = [
  ...(["workflow", "statuses", "labels", "correlation", "parent"] as const),
  ...(["failedStep", "waiting", "createdFrom", "createdUntil"] as const),
  ...(["order", "limit", "cursor"] as const),
];
const PAGE_MAX = 1_000;
const ORDERS: readonly RunOrder[] = ["created", "updated"];

/** See `Client.search`. */
export async function searchRuns(keeper: RunIndexKeeper, options: SearchOptions): Promise<RunPage> {
  const given = callOptions("search()", options, OPTIONS);
  const { order = "created", limit = 100, cursor, ...filter } = given;
  if (!ORDERS.includes(order)) throw invalidOption("order", `not one of ${ORDERS.join(", ")}`);
  if (wholeOption("limit", limit, 1) > PAGE_MAX)
    throw invalidOption("limit", `at most ${PAGE_MAX}`);
  checkFilter(filter);
  const after = cursor === undefined ? undefined : placeOf(cursor, order);
  const index = await keeper.current();
  const found = index.page(filter, order, after, limit + 1);
  const runs = found.slice(0, limit);
  const last = found.length > limit ? runs.at(-1) : undefined;
  return { runs, next: last === undefined ? null : cursorOf(last, order) };
}

/** See `Client.count`. */
export async function countRuns(
  keeper: RunIndexKeeper,
  options: { readonly workflow?: string },
): Promise<Readonly<Partial<Record<RunStatus, number>>>> {
  const { workflow } = callOptions("count()", options, ["workflow"]);
  if (workflow !== undefined) checkId("workflow name", workflow);
  const index = await keeper.current();
  return Object.fromEntries(index.counts(workflow));
}

function checkFilter(filter: RunFilter): void {
  const { workflow, statuses, labels, correlation, parent, failedStep, waiting } = filter;
  if (workflow !== undefined) checkId("workflow name", workflow);
  if (parent !== undefined) checkId("run id", parent);
  if (statuses !== undefined && (!Array.isArray(statuses) || statuses.length === 0)) {
    throw invalidOption("statuses", "must be a list of statuses");
  }
  for (const status of statuses ?? []) checkStatus(status);
  if (labels !== undefined && !isPlainObject(labels)) {
    throw invalidOption("labels", "must be a plain object of texts");
  }
  for (const [name, value] of Object.entries({ correlation, failedStep, waiting })) {
    if (value !== undefined && typeof value !== "string") throw invalidOption(name, "must be text");
  }
  for (const [name, value] of Object.entries(labels ?? {})) {
    if (typeof value !== "string") throw invalidOption("labels", `${name} must be text`);
  }
  for (const time of ["createdFrom", "createdUntil"] as const) {
    const at = filter[time];
    if (at !== undefined && !Number.isFinite(at))
      throw invalidOption(time, "must be a number of ms");
  }
}

function checkStatus(status: RunStatus): void {
  if (runStatuses.includes(status)) return;
  const known = `${didYouMean(String(status), runStatuses)}; known are ${runStatuses.join(", ")}`;
  throw invalidOption("statuses", `${String(status)} is not a status${known}`);
}

const keyOf = ({ createdAt, updatedAt }: RunSummary, order: RunOrder): number =>
  order === "created" ? createdAt : updatedAt;

const cursorOf = (summary: RunSummary, order: RunOrder): string =>
  Buffer.from(JSON.stringify([order, keyOf(summary, order), summary.run])).toString("base64url");

/** @throws MillraceError `E_OPTION_INVALID` for what no page gave, or a page in another order */
function placeOf(cursor: string, order: RunOrder): RunPlace {
  try {
    const [of, at, run] = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    if (of === order && typeof at === "number" && typeof run === "string") return { at, run };
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
  }
  throw invalidOption("cursor", `is not the \`next\` of a page in the order ${order}`);
}
