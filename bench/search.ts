/**
 * Searching a million runs: what a page costs, and how long a new process takes until its first one. The
 * index is filled with summaries, not from a log of as many runs, which `rebuild` has the rate of.
 *
 *   node bench/search.ts [RUNS]      (default: 1,000,000)
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteRunIndex } from "../src/adapters/sqlite/run-index.ts";
import type { RunFilter, RunOrder } from "../src/ports/run-index.ts";
import { emptySummary, type RunSummary } from "../src/projections/run-summary.ts";
import { percentile, rounded } from "./measure.ts";

const RUNS = Number(process.argv[2] ?? 1_000_000);
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

const folder = mkdtempSync(join(tmpdir(), "millrace-bench-search-"));
const file = join(folder, "index.db");
const filling = new SqliteRunIndex(file);
let began = performance.now();
for (let from = 0; from < RUNS; from += BATCH) {
  const changed = Array.from({ length: Math.min(BATCH, RUNS - from) }, (_, n) => summary(from + n));
  filling.apply({ changed, removed: [], from, to: { position: from + BATCH, anchor: "a" } });
}
const runsPerSecond = Math.round((RUNS / (performance.now() - began)) * 1_000);
filling.close();
began = performance.now();
const index = new SqliteRunIndex(file);
index.page({}, "created", undefined, PAGE);
const coldMs = performance.now() - began;
const pages: Record<string, number> = {};
for (const [what, [filter, order]] of Object.entries(asked)) {
  const times = Array.from({ length: 20 }, () => {
    const start = performance.now();
    const first = index.page(filter, order, undefined, PAGE);
    const last = first.at(-1);
    const at = order === "created" ? last?.createdAt : last?.updatedAt;
    if (last !== undefined) index.page(filter, order, { at: at ?? 0, run: last.run }, PAGE);
    return (performance.now() - start) / 2;
  });
  pages[what] = rounded(percentile(times, 0.5));
}
began = performance.now();
index.counts();
const countsMs = rounded(performance.now() - began);
const megabytes = Math.round(statSync(file).size / 2 ** 20);
index.close();
rmSync(folder, { recursive: true, force: true });
console.log(
  JSON.stringify(
    { runs: RUNS, runsPerSecond, megabytes, coldMs: rounded(coldMs), countsMs, pages },
    null,
    2,
  ),
);
