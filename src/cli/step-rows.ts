/** The steps of a run as rows of a table. */
import type { RunView, StepView } from "../client/looking/run-view.ts";
import { itemOf } from "../domain/plan.ts";
import { type Cell, duration, header, statusCell } from "./render.ts";

/** What a row says; a step's machine context has all of it but the status. */
export type StepFacts = Pick<
  StepView,
  "attempt" | "startedAt" | "endedAt" | "retryAt" | "error" | "reason" | "items" | "child"
> & { readonly step: string; readonly status: string };

/** How far the items of a mapped step are. */
export interface ItemCounts {
  readonly ended: number;
  readonly failed: number;
}

/** One line of the table: a step, and its items if it has some. */
export interface StepRow {
  readonly facts: StepFacts;
  readonly counts: ItemCounts | undefined;
}

const ENDED: ReadonlySet<string> = new Set(["completed", "failed", "skipped", "cancelled"]);

/** One row per step, items of mapped steps counted in the row of their step. */
export function stepRows({ steps }: RunView): StepRow[] {
  const counts = new Map<string, { ended: number; failed: number }>();
  const rows: StepView[] = [];
  for (const step of steps) {
    const of = itemOf(step.step)?.step;
    if (of === undefined) {
      rows.push(step);
      continue;
    }
    const count = counts.get(of) ?? { ended: 0, failed: 0 };
    if (ENDED.has(step.status)) count.ended++;
    if (step.status === "failed") count.failed++;
    counts.set(of, count);
  }
  return rows.map((facts) => ({ facts, counts: counts.get(facts.step) }));
}

/** The names of the columns. */
export const stepHeader = header("STEP", "STATUS", "ATTEMPT", "DURATION", "NOTE");

/** Fields below `stepHeader`, as of `now`. */
export function stepCells({ facts, counts }: StepRow, now: number): readonly Cell[] {
  const { step, status, attempt } = facts;
  return [
    step,
    statusCell(status),
    attempt === 0 ? "" : String(attempt),
    stepDuration(facts, now),
    stepNote(facts, counts, now),
  ];
}

/** How long the last attempt took, or has taken; "" before the first and between two. */
export function stepDuration({ status, startedAt, endedAt }: StepFacts, now: number): string {
  if (startedAt === null || status === "retrying" || status === "held") return "";
  return duration((endedAt ?? now) - startedAt);
}

/** What else there is to say of a step: its items, when it is tried again, why it failed. */
export function stepNote(facts: StepFacts, counts: ItemCounts | undefined, now: number): string {
  const { status, items, retryAt, error, reason, child } = facts;
  const failure = error === null ? "" : `${error.code}: ${error.message}`;
  const parts = [
    items === null ? "" : itemsText(items, counts),
    child === null ? "" : `run ${child.run} of ${child.workflow}`,
    status === "retrying" && retryAt !== null ? `again ${soon(retryAt - now)}` : "",
    status === "running" && failure !== "" ? `after ${failure}` : failure || (reason ?? ""),
  ];
  return parts.filter((part) => part !== "").join("; ");
}

const soon = (ms: number): string => (ms > 0 ? `in ${duration(ms)}` : "now");

function itemsText(items: number, counts: ItemCounts | undefined): string {
  const { ended = 0, failed = 0 } = counts ?? {};
  return `${ended}/${items} items${failed > 0 ? `, ${failed} failed` : ""}`;
}

/**
 * The rows that fit into `max` lines, and one more line that sums up the rest: what moves or failed
 * goes before what has not begun or has ended, the order stays.
 */
export function fitting(
  rows: readonly StepRow[],
  max: number,
): { readonly shown: readonly StepRow[]; readonly rest: string | undefined } {
  if (rows.length <= max) return { shown: rows, rest: undefined };
  const room = Math.max(0, max - 1);
  const byInterest = rows.toSorted((a, b) => interest(a.facts.status) - interest(b.facts.status));
  const chosen = new Set(byInterest.slice(0, room));
  const left = Map.groupBy(byInterest.slice(room), (row) => row.facts.status);
  const counted = [...left].map(([status, those]) => `${those.length} ${status}`).join(", ");
  return {
    shown: rows.filter((row) => chosen.has(row)),
    rest: `… and ${rows.length - room} more: ${counted}`,
  };
}

const INTEREST = ["failed", "held", "retrying", "running", "pending"];

function interest(status: string): number {
  const place = INTEREST.indexOf(status);
  return place === -1 ? INTEREST.length : place;
}
