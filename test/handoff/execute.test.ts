// Handoff's acceptance tests that one process can show, by number: what functions are given, what comes
// back, in what order they run, and what becomes of failures.
import { expect, it } from "vitest";
import { dag } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import { ALL_STORES, onStores, refusal, sleep } from "../engine/kit/scene.ts";

const sum = (...numbers: number[]): number => numbers.reduce((left, right) => left + right, 0);
const sumOf = (numbers: number[], more = 0): number => sum(...numbers, more);

onStores(
  "Handoff's functions",
  (scene) => {
    it("Handoff 1: a=1, b=a+1, c=b·2", async () => {
      const millrace = await scene().open();
      const chain = dag("chain")
        .add({ id: "a", code: () => 1 })
        .add({ id: "b", args: ["a"], code: (a: number) => a + 1 })
        .add({ id: "c", args: ["b"], code: (b: number) => b * 2 });
      const { results, allocations, dagId } = await millrace.execute(chain);
      expect(results).toEqual({ a: 1, b: 2, c: 4 });
      expect(allocations).toEqual({ a: millrace.node, b: millrace.node, c: millrace.node });
      expect(await millrace.stores.results.get(dagId, "c")).toBe(4);
    });

    it("Handoff 2: a diamond; what a function is given besides comes after the results", async () => {
      const millrace = await scene().open();
      const diamond = dag("diamond").add(
        { id: "d", args: ["b", "c"], code: sum },
        { id: "b", args: ["a"], code: (a: number, more: number) => a + more, extraArgs: [2] },
        { id: "c", args: ["a"], code: (a: number, times: number) => a * times, extraArgs: [2] },
        { id: "a", code: (given: number) => given, extraArgs: [5] },
      );
      const { results } = await millrace.execute(diamond);
      expect(results).toEqual({ a: 5, b: 7, c: 10, d: 17 });
    });

    it("Handoff 3: results as one list, or each as an argument", async () => {
      const millrace = await scene().open();
      const values = dag()
        .add({ id: "x", code: () => 10 }, { id: "y", code: () => 20 })
        .add({ id: "list", args: ["x", "y"], code: sumOf, argumentInclusion: "as_list" })
        .add({ id: "each", args: ["x", "y"], code: sum })
        .add({ id: "twice", args: ["y", "x", "y"], code: (...all: number[]) => all })
        .add({
          id: "more",
          args: ["x"],
          code: sumOf,
          extraArgs: [1],
          argumentInclusion: "as_list",
        });
      const { results } = await millrace.execute(values);
      expect(results).toMatchObject({ list: 30, each: 30, twice: [20, 10, 20], more: 11 });
    });

    it("Handoff 4, 5: nothing is executed of a DAG that is wrong", async () => {
      const millrace = await scene().open();
      let calls = 0;
      const probe = { id: "probe", code: () => ++calls };
      const missing = dag("d").add(probe, { id: "b", args: ["nobody"], code: sum });
      const circle = dag("d").add(probe, { id: "a", args: ["a"], code: sum });
      for (const execute of ["execute", "executeLocal", "executeDistributed"] as const) {
        expect(await refusal(millrace[execute](missing))).toMatchObject({
          code: "E_DEF_UNKNOWN_STEP",
        });
        expect(await refusal(millrace[execute](circle))).toMatchObject({ code: "E_DEF_CYCLE" });
      }
      expect(calls).toBe(0);
      expect(await scene().log()).toEqual([]);
    });

    it("Handoff 20: what the serialiser picked is what travels; the other sees from where to where", async () => {
      const millrace = await scene().open({ node: "here" });
      const picked = dag("picked").add(
        { id: "pair", code: () => ["first", "second"] },
        {
          id: "taker",
          args: [
            {
              id: "pair",
              serialize: (pair: string[], source, target) => [pair[1], source, target],
              deserialize: (data: unknown, source, target) => ({
                data,
                source,
                target,
              }),
            },
          ],
          code: (taken: unknown) => taken,
        },
      );
      const { results } = await millrace.execute(picked);
      const converted = { data: ["second", "here", null], source: "here", target: "here" };
      expect(results).toEqual({
        pair: ["first", "second"],
        "serialize-pair-taker": ["second", "here", null],
        "deserialize-pair-taker": converted,
        taker: converted,
      });
    });
  },
  ALL_STORES,
);

onStores(
  "Handoff 6: inline functions",
  (scene) => {
    it("are evaluated by each that takes them, and are not among the results", async () => {
      const millrace = await scene().open();
      let calls = 0;
      const shared = dag("shared").add(
        { id: "m", code: () => 5 * Math.sign(++calls), type: "inline" },
        { id: "b", args: ["m"], code: (m: number) => m * 3 },
        { id: "c", args: ["m", "m"], code: (m: number, again: number) => 5 * m + again },
        { id: "d", args: ["b", "c"], code: (...all: number[]) => all },
      );
      const { results, allocations } = await millrace.execute(shared);
      expect(results).toEqual({ b: 15, c: 30, d: [15, 30] });
      expect(calls).toBe(2);
      expect(Object.keys(allocations)).toEqual(expect.not.arrayContaining(["m"]));
      calls = 0;
      expect((await millrace.executeLocal(shared)).results).toEqual({ b: 15, c: 30, d: [15, 30] });
      expect(calls).toBe(2);
    });

    it("may take inline functions, and are never recorded", async () => {
      const millrace = await scene().open();
      const nested = dag().add(
        {
          id: "outer",
          args: ["inner", "x"],
          code: async (f: () => number, x: number) => f() + x,
          type: "inline",
        },
        // A function is no JSON: it could not be recorded.
        { id: "inner", args: ["x"], code: (x: number) => () => 10 * x, type: "inline" },
        { id: "y", args: ["outer", "inner"], code: (o: number, f: () => number) => [o, f()] },
        { id: "x", code: () => 4 },
      );
      expect((await millrace.execute(nested)).results).toEqual({ x: 4, y: [44, 40] });
    });

    it.each([
      ["a", "m", "z"],
      ["z", "m", "a"],
      ["m", "a", "z"],
    ])("wait for what they take, whatever the ids are: %s, %s, %s", async (first, middle, last) => {
      const millrace = await scene().open();
      const chain = dag().add(
        { id: last, args: [middle], code: (m: number) => m + 1 },
        { id: middle, args: [first], code: (f: number) => f * 10, type: "inline" },
        { id: first, code: () => sleep(5).then(() => 7) },
      );
      expect((await millrace.execute(chain)).results).toEqual({ [first]: 7, [last]: 71 });
      expect((await millrace.executeLocal(chain)).results).toEqual({ [first]: 7, [last]: 71 });
    });
  },
  ALL_STORES,
);

onStores(
  "Handoff's order",
  (scene) => {
    it("Handoff 10: independent functions run side by side; maxConcurrency 1: one after the other", async () => {
      const millrace = await scene().open();
      const gate = deferred<void>();
      let [now, most] = [0, 0];
      const code = async (): Promise<void> => {
        most = Math.max(most, ++now);
        // Only all three together open it.
        if (now === 3) gate.resolve();
        await gate.promise;
        now--;
      };
      const three = dag().add({ id: "a", code }, { id: "b", code }, { id: "c", code });
      await millrace.execute(three);
      expect(most).toBe(3);
      most = 0;
      await millrace.execute(three, { maxConcurrency: 1 });
      expect(most).toBe(1);
    });

    it("Handoff 11: the middle of a diamond overlaps; its end starts after both", async () => {
      const millrace = await scene().open();
      const both = deferred<void>();
      const told: string[] = [];
      const middle = (name: string) => async () => {
        told.push(`${name} begins`);
        if (told.length === 2) both.resolve();
        await both.promise;
        told.push(`${name} ends`);
      };
      const diamond = dag().add(
        { id: "a", code: () => 1 },
        { id: "b", args: ["a"], code: middle("b") },
        { id: "c", args: ["a"], code: middle("c") },
        { id: "d", args: ["b", "c"], code: () => told.push("d begins") },
      );
      await millrace.execute(diamond);
      expect(told.slice(0, 2).sort()).toEqual(["b begins", "c begins"]);
      expect(told.slice(2, 4).sort()).toEqual(["b ends", "c ends"]);
      expect(told[4]).toBe("d begins");
    });
  },
  ALL_STORES,
);
