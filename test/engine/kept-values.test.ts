/** Steps with `durability: "node"`: what they return stays where it was made, and is made again when it is lost. */
import { expect, it } from "vitest";
import { graph, type Workflow, workflow } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import { ALL_STORES, only, onStores, refusal, until } from "./kit/scene.ts";

const kept = { durability: "node" } as const;

onStores(
  "what a step keeps on its node",
  (scene) => {
    it("is fetched by steps elsewhere, by digest, and the log has only where it is", async () => {
      const flow = graph<number>("far")
        .step("list", { ...kept, node: "b" }, (_, n) => Array.from({ length: n }, (_x, at) => at))
        .map("each", { ...kept, over: "list", node: "b" }, (_, at: number) => ({ at }))
        .step("sum", { needs: ["each"], node: "a" }, (ctx, { each }) => [ctx.node, each.length])
        .build();
      const workflows = [flow];
      const a = await scene().open({ workflows, node: "a" });
      await scene().open({ workflows, node: "b" });
      await until("they know each other", async () => (await a.nodes()).length === 2);
      const run = await a.start(flow, 3);
      expect(await run.result({ timeoutMs: 25_000 })).toEqual(["a", 3]);
      const outputs = only(await scene().log(run.id), "step.completed").map(({ output }) => output);
      expect(outputs.slice(0, 4).every((value) => "kept" in value && value.node === "b")).toBe(
        true,
      );
      expect(outputs.at(-1)).toEqual({ json: ["a", 3] });
      const { results, locations } = a.stores;
      expect(await results.get(run.id, "each[1]")).toEqual({ at: 1 });
      expect(await results.getWithFetch(run.id, "each")).toEqual([{ at: 0 }, { at: 1 }, { at: 2 }]);
      expect(await locations.lookupLocation(run.id, "list")).toBe("b");
    });
  },
  ALL_STORES,
);

onStores(
  "what a step kept on a node that is gone",
  (scene) => {
    /** The second step begins once the first one's node is gone. */
    async function without<I, O>(flow: Workflow<I, O>, go: () => void, input: I) {
      const b = await scene().open({ workflows: [flow], node: "b", stopGrace: 1 });
      const run = await b.start(flow, input);
      await until("it is made", async () => (await run.get()).steps[0]?.status === "completed");
      await scene().close(b);
      const a = await scene().open({ workflows: [flow], node: "a" });
      go();
      return a.handle<O>(run.id);
    }

    it("is made again for the step that needs it, and what that was made from first", async () => {
      const calls: string[] = [];
      const gate = deferred<void>();
      const flow = graph<string>("chain")
        .step("one", kept, (ctx, word) => {
          calls.push(`one on ${ctx.node}`);
          return { word };
        })
        .step("two", { ...kept, needs: ["one"] }, (ctx, { one }) => {
          calls.push(`two on ${ctx.node}`);
          return `${one.word}!`;
        })
        .step("wait", { needs: ["two"] }, () => gate.promise)
        .step("three", { needs: ["two", "wait"] }, (ctx, { two }) => `${two} on ${ctx.node}`)
        .build();
      const run = await without(flow, () => gate.resolve(), "hello");
      expect(await run.result({ timeoutMs: 25_000 })).toBe("hello! on a");
      expect(calls).toEqual(["one on b", "two on b", "one on a", "two on a"]);
      const started = only(await scene().log(run.id), "step.started").map(({ step }) => step);
      expect(started.filter((step) => step === "one")).toHaveLength(1);
    });

    it("must come out the same, else what needs it fails", async () => {
      let calls = 0;
      const gate = deferred<void>();
      const flow = graph("changing")
        .step("one", kept, () => ++calls)
        .step("wait", () => gate.promise)
        .step("two", { needs: ["one", "wait"], retry: { maxAttempts: 1 } }, (_, { one }) => one)
        .build();
      const run = await without(flow, () => gate.resolve(), undefined);
      const error = await refusal(run.result({ timeoutMs: 25_000 }));
      expect(String((error as Error).message)).toContain("did not return the same");
      expect(calls).toBe(2);
    });

    it("is made again for a function that is run again", async () => {
      let calls = 0;
      const gate = deferred<void>();
      const flow = workflow("code", async (ctx, word: string) => {
        const made = await ctx.run("one", () => `${++calls > 0}: ${word}`, kept);
        await ctx.run("wait", () => gate.promise);
        return made;
      });
      const run = await without(flow, () => gate.resolve(), "word");
      expect(await run.result({ timeoutMs: 25_000 })).toBe("true: word");
      expect(calls).toBe(2);
    });
  },
  ["memory"],
);
