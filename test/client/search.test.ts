/**
 * Searching runs: every filter and order gives what a plain list would, page by page, each run once; the
 * index can be thrown away, shared, and left behind by its log.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SqliteRunIndex } from "../../src/adapters/sqlite/run-index.ts";
import { graph, type Millrace, type RunSummary, TerminalError, workflow } from "../../src/index.ts";
import type { RunFilter, RunOrder } from "../../src/ports/run-index.ts";
import { emptySummary, runStatuses, shownStatus } from "../../src/projections/run-summary.ts";
import { ALL_STORES, onStores, refusal } from "../engine/kit/scene.ts";

const few = <T extends string>(...values: readonly T[]): fc.Arbitrary<T> =>
  fc.constantFrom(...values);
const times = fc.integer({ min: 0, max: 9 });

const summaries = fc.uniqueArray(
  fc.record({
    run: fc.string({ minLength: 1, maxLength: 3, unit: few(..."abcdef") }),
    workflow: few("w1", "w2"),
    status: fc.constantFrom(...runStatuses.filter((status) => status !== "paused")),
    paused: fc.boolean(),
    labels: fc.dictionary(few("x", "y"), few("1", "2")),
    createdAt: times,
    updatedAt: times,
    failedStep: fc.option(few("s1", "s2")),
    correlation: fc.option(few("k1", "k2")),
    parent: fc.option(few("p1", "p2").map((run) => ({ run, workflow: "w1", step: "s" }))),
    parkedReason: fc.option(few("waits for a signal", "waits for a time")),
  }),
  { selector: ({ run }) => run, maxLength: 40 },
);

const filters = fc.record(
  {
    workflow: few("w1", "w2"),
    statuses: fc.uniqueArray(fc.constantFrom(...runStatuses), { minLength: 1, maxLength: 3 }),
    labels: fc.dictionary(few("x", "y"), few("1", "2")),
    correlation: few("k1", "k2"),
    parent: few("p1", "p2"),
    failedStep: few("s1", "s2"),
    waiting: few("waits for a signal", "waits for a time", "paused"),
    createdFrom: times,
    createdUntil: times,
  },
  { requiredKeys: [] },
);

const waitingOf = (one: RunSummary): string | null =>
  one.endedAt !== null ? null : one.paused ? "paused" : one.parkedReason;

const fits = (one: RunSummary, filter: RunFilter): boolean =>
  (filter.workflow ?? one.workflow) === one.workflow &&
  (filter.statuses ?? [shownStatus(one)]).includes(shownStatus(one)) &&
  Object.entries(filter.labels ?? {}).every(([name, value]) => one.labels[name] === value) &&
  (filter.parent ?? one.parent?.run) === one.parent?.run &&
  (filter.correlation ?? one.correlation) === one.correlation &&
  (filter.failedStep ?? one.failedStep) === one.failedStep &&
  (filter.waiting === undefined || waitingOf(one) === filter.waiting) &&
  one.createdAt >= (filter.createdFrom ?? 0) &&
  one.createdAt < (filter.createdUntil ?? Number.POSITIVE_INFINITY);

const keyOf = (one: RunSummary, order: RunOrder): number =>
  order === "created" ? one.createdAt : one.updatedAt;

describe("the index", () => {
  it("gives what a plain list would, in pages of any size, whatever changes in between", () => {
    const order = few<RunOrder>("created", "updated");
    const property = fc.property(
      summaries,
      summaries,
      filters,
      order,
      fc.integer({ min: 1, max: 5 }),
      check,
    );
    fc.assert(property, { numRuns: 300 });
  });
});

type Row = Partial<RunSummary> & { readonly run: string; readonly workflow: string };

function check(
  first: readonly Row[],
  then: readonly Row[],
  filter: RunFilter,
  order: RunOrder,
  size: number,
): void {
  const index = new SqliteRunIndex(":memory:");
  const model = new Map<string, RunSummary>();
  let position = 0;
  const put = (rows: readonly Row[], removed: readonly string[]): void => {
    const changed = rows.map((row) => ({ ...emptySummary(row.run, row.workflow), ...row }));
    for (const run of removed) model.delete(run);
    for (const one of changed) model.set(one.run, one);
    const to = { position: position + 1, anchor: "a" };
    expect(index.apply({ changed, removed, from: position++, to })).toBe(true);
  };
  put(first, []);
  put(
    then,
    first.slice(0, 3).map(({ run }) => run),
  );
  const expected = [...model.values()]
    .filter((one) => fits(one, filter))
    .sort((a, b) => keyOf(b, order) - keyOf(a, order) || (a.run < b.run ? 1 : -1))
    .map(({ run }) => run);
  const found: string[] = [];
  for (;;) {
    const last = found.at(-1);
    const known = last === undefined ? undefined : model.get(last);
    const after = known && { at: keyOf(known, order), run: known.run };
    const page = index.page(filter, order, after, size);
    found.push(...page.map(({ run }) => run));
    if (page.length < size) break;
  }
  expect(found).toEqual(expected);
  const counted = new Map<string, number>();
  for (const one of model.values()) {
    counted.set(shownStatus(one), (counted.get(shownStatus(one)) ?? 0) + 1);
  }
  expect(new Map(index.counts())).toEqual(counted);
  index.close();
}

const fine = graph<number>("fine")
  .step("work", (_, n) => n)
  .build();
const broken = graph<number>("broken")
  .step("break", { retry: { maxAttempts: 1 } }, () => {
    throw new TerminalError("no");
  })
  .build();
const waits = workflow("waits", (ctx) => ctx.waitFor("go"));

onStores(
  "search",
  (scene) => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "millrace-index-"));
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    const fill = async (millrace: Millrace): Promise<void> => {
      for (let n = 0; n < 6; n++) {
        const run = await millrace.start(fine, n, {
          id: `fine-${n}`,
          labels: { odd: String(n % 2) },
        });
        await run.result();
      }
      await refusal((await millrace.start(broken, 1, { id: "broken-1" })).result());
      const run = await millrace.start(waits, undefined, { id: "waits-1" });
      for await (const event of run.events()) if (event.type === "run.parked") break;
    };
    const ids = async (millrace: Millrace, options: object): Promise<string[]> =>
      (await millrace.search(options)).runs.map(({ run }) => run);

    it("finds runs by what they are, page by page, and sees what has just happened", async () => {
      const millrace = await scene().open({ workflows: [fine, broken, waits], parkAfter: 1 });
      await fill(millrace);
      expect(await ids(millrace, { labels: { odd: "1" } })).toEqual(["fine-5", "fine-3", "fine-1"]);
      expect(await ids(millrace, { statuses: ["failed"] })).toEqual(["broken-1"]);
      expect(await ids(millrace, { failedStep: "break" })).toEqual(["broken-1"]);
      expect(await ids(millrace, { waiting: "waits for a signal" })).toEqual(["waits-1"]);
      expect(await millrace.count()).toEqual({ completed: 6, failed: 1, parked: 1 });
      expect(await millrace.count({ workflow: "fine" })).toEqual({ completed: 6 });
      const seen: string[] = [];
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page = await millrace.search({ limit: 3, ...(cursor ? { cursor } : {}) });
        seen.push(...page.runs.map(({ run }) => run));
        cursor = page.next;
      }
      expect(seen).toEqual((await millrace.list()).map(({ run }) => run));
      await millrace.signal("waits-1", "go", 1);
      await millrace.result("waits-1");
      expect(await ids(millrace, { order: "updated", limit: 1 })).toEqual(["waits-1"]);
      await millrace.history.erase("fine-5");
      expect(await ids(millrace, { labels: { odd: "1" } })).toEqual(["fine-3", "fine-1"]);
    });

    it("keeps its index in a file, which another log does not believe", async () => {
      const index = join(folder, "index.db");
      const millrace = await scene().open({ workflows: [fine, broken, waits], index });
      await fill(millrace);
      const before = await ids(millrace, { limit: 1_000 });
      await scene().close(millrace);
      const again = await scene().open({ index });
      expect(await ids(again, { limit: 1_000 })).toEqual(before);
      const { open } = await import("../../src/index.ts");
      await using elsewhere = await open({ store: "memory", workflows: [fine], index });
      await (await elsewhere.start(fine, 1, { id: "other" })).result();
      expect(await ids(elsewhere, {})).toEqual(["other"]);
      expect((await ids(again, { limit: 1_000 })).length).toBeGreaterThan(0);
    });

    it("refuses what it cannot mean", async () => {
      const millrace = await scene().open();
      const invalid = { code: "E_OPTION_INVALID" };
      const wrong: object[] = [
        ...[{ statuses: ["compleeted"] }, { statuses: [] }, { limit: 0 }, { limit: 1e9 }],
        ...[
          { order: "name" },
          { cursor: "x" },
          { labels: [] },
          { labels: { a: 1 } },
          { statsu: [] },
        ],
        { createdFrom: "yesterday" },
      ];
      for (const options of wrong) {
        expect(await refusal(millrace.search(options)), JSON.stringify(options)).toMatchObject(
          invalid,
        );
      }
    });
  },
  ALL_STORES,
);
