// Handoff's acceptance test of streams, by number, and what follows from each item being a run.
import { expect, it } from "vitest";
import { dag, type Millrace, type Pipeline, type PipelineItem } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import {
  ALL_STORES,
  all,
  only,
  onStores,
  onVirtualTime,
  refusal,
  sleep,
  until,
} from "../engine/kit/scene.ts";

/** What came out for each item: what its function `out` returned, or why it failed. */
const outcomes = (items: readonly PipelineItem[]): unknown[] =>
  items.map((one) => (one.error === undefined ? one.results["out"] : one.error.message));

async function pushed(pipeline: Pipeline, values: readonly unknown[]): Promise<PipelineItem[]> {
  const numbers = await Promise.all(values.map((n) => pipeline.push({ n })));
  expect(numbers).toEqual(values.map((_, nth) => nth + 1));
  pipeline.end();
  return all(pipeline);
}

/** What comes of 1 to 5, doubled, in batches of three in which 4 fails, plus one. */
const WITHOUT_FOUR = [3, expect.stringMatching(/batch failed.*bad item/), 7, 9, 11];

async function batched(millrace: Millrace, batchTimeout: string) {
  const batches: number[][] = [];
  const three = dag("three").add(
    { id: "n", type: "input" },
    { id: "doubled", type: "inline", args: ["n"], code: (n: number) => n * 2 },
    {
      id: "batch",
      args: ["doubled"],
      batchSize: 3,
      batchTimeout,
      maxRetries: 0,
      code(items: number[]) {
        batches.push(items);
        return items.map((item) => (item === 4 ? new Error("bad item") : item));
      },
    },
    { id: "out", args: ["batch"], code: (n: number) => n + 1 },
  );
  const items = await pushed(await millrace.stream(three), [1, 2, 3, 4, 5]);
  return { items, batches };
}

onVirtualTime("a batch", (scene, time) => {
  it("Handoff 21: of five items three go on by size, and two by time", async () => {
    const began = time().mono();
    const { items, batches } = await time().until(batched(await scene().open(), "1m"));
    expect(batches.map(({ length }) => length)).toEqual([3, 2]);
    expect(time().mono() - began).toBeGreaterThanOrEqual(60_000);
    expect(outcomes(items)).toEqual(WITHOUT_FOUR);
  });
});

onStores(
  "Handoff's streams",
  (scene) => {
    it("Handoff 21: the order of push is kept with four at once, each worker made once", async () => {
      const millrace = await scene().open();
      let [now, most, made] = [0, 0, 0];
      const gate = deferred<void>();
      const four = dag("four").add(
        { id: "n", type: "input" },
        {
          id: "out",
          args: ["n"],
          parallelism: 4,
          init: () => ({ worker: ++made }),
          async code(n: number, { worker }: { worker: number }) {
            most = Math.max(most, ++now);
            // Only four together open it.
            if (now === 4) gate.resolve();
            await gate.promise;
            await sleep(n % 2 === 0 ? 1 : 10);
            now--;
            expect(worker).toBeLessThanOrEqual(4);
            return n * 10;
          },
        },
      );
      const values = Array.from({ length: 12 }, (_, n) => n);
      const items = await pushed(await millrace.stream(four), values);
      expect(outcomes(items)).toEqual(values.map((n) => n * 10));
      expect(items.map(({ item }) => item)).toEqual(values.map((n) => n + 1));
      expect(most).toBe(4);
      expect(made).toBe(4);
    });

    it("Handoff 21: items go on in batches, and one bad item stops no other", async () => {
      const { items, batches } = await batched(await scene().open(), "100ms");
      expect(outcomes(items)).toEqual(WITHOUT_FOUR);
      expect(Math.max(...batches.map(({ length }) => length))).toBeLessThanOrEqual(3);
      expect(batches.flat().sort((a, b) => a - b)).toEqual([2, 4, 6, 8, 10]);
    });

    it("an item is a run: pushed again by who comes after, it has its answer", async () => {
      const millrace = await scene().open({ node: "first" });
      let calls = 0;
      const once = dag("once").add(
        { id: "n", type: "input" },
        { id: "m", type: "input" },
        { id: "out", args: ["n", "m"], code: (n: number, m: string) => `${++calls} ${n} ${m}` },
      );
      const stream = await millrace.stream(once, { id: "s", maxInFlight: 1 });
      expect(await stream.push({ n: 1, m: "a" })).toBe(1);
      expect(await stream.push({ n: 2, m: "b" })).toBe(2);
      stream.end();
      expect(outcomes(await all(stream))).toEqual(["1 1 a", "2 2 b"]);
      const again = await millrace.stream(once, { id: "s" });
      await again.push({ n: 1, m: "a" });
      const other = await refusal(again.push({ n: 3, m: "b" }));
      expect(other).toMatchObject({ code: "E_RUN_CONFLICT" });
      again.end();
      expect(outcomes(await all(again))).toEqual(["1 1 a"]);
      expect(only(await scene().log("s-2"), "run.completed")).toHaveLength(1);
    });
  },
  ALL_STORES,
);

onStores(
  "a stream",
  (scene) => {
    it("refuses inputs that are missing or too much, what comes after its end, and wrong DAGs", async () => {
      const millrace = await scene().open();
      const sum = dag("sum").add(
        { id: "a", type: "input" },
        { id: "b", type: "input" },
        { id: "out", args: ["a", "b"], code: (a: number, b: number) => a + b },
      );
      const stream = await millrace.stream(sum);
      const error = await refusal(stream.push({ a: 1, c: 2 }));
      expect(String(error)).toContain("no value for b; c is no input of the DAG");
      stream.end();
      expect(await refusal(stream.push({ a: 1, b: 2 }))).toMatchObject({
        code: "E_COMMAND_REFUSED",
      });
      expect(await all(stream)).toEqual([]);
      expect(await refusal(millrace.execute(sum))).toMatchObject({
        code: "E_DEF_INVALID",
        details: { inputs: ["a", "b"] },
      });
      expect(() => dag("d").add({ id: "a", type: "input", code: () => 1 } as never)).toThrow(
        "code",
      );
      expect(() => dag("d").add({ id: "a", code: () => 1, batchTimeout: 1 })).toThrow("batchSize");
      const inline = dag("d").add({ id: "a", type: "inline", code: () => 1, parallelism: 2 });
      expect(() => inline.validate()).toThrow("parallelism");
    });

    it("says of a batch with too few results that they are", async () => {
      const millrace = await scene().open();
      const few = dag("few").add(
        { id: "n", type: "input" },
        { id: "out", args: ["n"], batchSize: 2, maxRetries: 0, code: () => [1] },
      );
      const items = await pushed(await millrace.stream(few), [1, 2]);
      for (const outcome of outcomes(items)) {
        expect(outcome).toContain("a batch of 2 and returned a list of 1");
      }
    });

    it("is stopped with all that is under way", async () => {
      const millrace = await scene().open();
      const begun = deferred<void>();
      const stuck = dag("stuck").add(
        { id: "n", type: "input" },
        {
          id: "out",
          args: ["n"],
          code: (n: number) => {
            if (n === 1) return "done";
            begun.resolve();
            return new Promise<never>(() => undefined);
          },
        },
      );
      const stream = await millrace.stream(stuck);
      await Promise.all([stream.push({ n: 1 }), stream.push({ n: 2 })]);
      await begun.promise;
      await until(
        "the first is done",
        async () => (await millrace.get(`${stream.id}-1`)).status === "completed",
      );
      await stream.stop({ reason: "enough", grace: 1 });
      expect(outcomes(await all(stream))).toEqual(["done", expect.stringContaining("enough")]);
    });
  },
  ["memory"],
);
