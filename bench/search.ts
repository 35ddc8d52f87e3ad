/**
 * Searching a million runs: what a page costs, and how long a new process takes until its first one. The
 * index is filled with summaries, not from a log of as many runs, which `rebuild` has the rate of.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteRunIndex } from "../src/adapters/sqlite/run-index.ts";
import type { RunFilter, RunOrder } from "../src/ports/run-index.ts";
import { emptySummary, type RunSummary } from "../src/projections/run-summary.ts";
import { percentile, rounded } from "./measure.ts";

const BATCH = 5_000;
const BEGAN = 1_700_000_000_000;
const PAGE = 100;

function summary(n: number): RunSummary {
  const status = n % 1_000 === 0 ? "failed" : n % 100 === 1 ? "parked" : "completed";
  return {
    ...emptySummary(`run-${String(n).padStart(8, "0")}`, `workflow-${n % 7}`),
    status,
    labels: { customer: `c${n % 50_000}` },
    createdAt: BEGAN + n,
    updatedAt: BEGAN + n + (n % 13),
    endedAt: status === "parked" ? null : BEGAN + n,
    parkedReason: status === "parked" ? "waits for a signal" : null,
    failedStep: status === "failed" ? "charge" : null,
    seq: 12,
    position: n + 1,
  };
}

const asked: Readonly<Record<string, readonly [RunFilter, RunOrder]>> = {
  newest: [{}, "created"],
  "last touched": [{}, "updated"],
  "of a workflow": [{ workflow: "workflow-3" }, "created"],
  "failed of a workflow": [{ workflow: "workflow-3", statuses: ["failed"] }, "created"],
  "failed or parked": [{ statuses: ["failed", "parked"] }, "created"],
  "of a customer": [{ labels: { customer: "c123" } }, "created"],
  "in which a step failed": [{ failedStep: "charge" }, "created"],
  "waiting for a signal": [{ waiting: "waits for a signal" }, "created"],
};

export interface SearchTimes {
  readonly runs: number;
  /** Runs put into the index per second. */
  readonly runsPerSecond: number;
  readonly megabytes: number;
  /** From opening the index's file to the first page. */
  readonly coldMs: number;
  readonly countsMs: number;
  /** p50 of a page of 100, by what is asked for. */
  readonly pagesMs: Readonly<Record<string, number>>;
}

/** Fills an index with so many runs, and looks into it. */
export function searchTimes(runs: number): SearchTimes {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-search-"));
  const file = join(folder, "index.db");
  try {
    const runsPerSecond = fill(file, runs);
    let began = performance.now();
    const index = new SqliteRunIndex(file);
    index.page({}, "created", undefined, PAGE);
    const coldMs = rounded(performance.now() - began);
    const pages = Object.entries(asked).map(
      ([what, [filter, order]]) => [what, pageMs(index, filter, order)] as const,
    );
    began = performance.now();
    index.counts();
    const countsMs = rounded(performance.now() - began);
    const megabytes = Math.round(statSync(file).size / 2 ** 20);
    index.close();
    const pagesMs = Object.fromEntries(pages);
    return { runs, runsPerSecond, megabytes, coldMs, countsMs, pagesMs };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs per second. */
function fill(file: string, runs: number): number {
  const index = new SqliteRunIndex(file);
  const began = performance.now();
  for (let from = 0; from < runs; from += BATCH) {
    const changed = Array.from({ length: Math.min(BATCH, runs - from) }, (_, n) =>
      summary(from + n),
    );
    index.apply({ changed, removed: [], from, to: { position: from + BATCH, anchor: "a" } });
  }
  index.close();
  return Math.round((runs / (performance.now() - began)) * 1_000);
}

/** p50 of a page, the first and the next. */
function pageMs(index: SqliteRunIndex, filter: RunFilter, order: RunOrder): number {
  const times = Array.from({ length: 20 }, () => {
    const start = performance.now();
    const last = index.page(filter, order, undefined, PAGE).at(-1);
    const at = order === "created" ? last?.createdAt : last?.updatedAt;
    if (last !== undefined) index.page(filter, order, { at: at ?? 0, run: last.run }, PAGE);
    return (performance.now() - start) / 2;
  });
  return rounded(percentile(times, 0.5));
}

/** What was measured, for people. */
export function searchLines({ runs, coldMs, countsMs, pagesMs }: SearchTimes): string[] {
  const slowest = Math.max(...Object.values(pagesMs));
  return [
    `search          ${runs} runs: first page of a new process ${coldMs} ms, a page at most ${slowest} ms, counts ${countsMs} ms`,
  ];
}
