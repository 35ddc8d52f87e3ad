/**
 * Isolation: what user code does to the values it is handed is seen by nobody else: not by other
 * steps, attempts, conditions or runs, nor by the log.
 */
import { expect, it } from "vitest";
import { graph, workflow } from "../../src/index.ts";
import { limits } from "../../src/kernel/limits.ts";
import { onStores } from "./kit/scene.ts";

interface Box {
  list: number[];
  filler: string;
}

/** Spoils whatever it can reach. */
function spoil(value: unknown): void {
  const { list } = value as Box;
  list.push(-1);
  (value as Box).filler = "spoilt";
}

onStores("values", (scene) => {
  it.each([
    ["inline", "x"],
    ["in the blob store", "x".repeat(limits.valueInlineBytesMax)],
  ])("%s are each reader's own, in a graph", async (_where, filler) => {
    const box = (): Box => ({ list: [1, 2], filler });
    const seen: unknown[] = [];
    const look = (value: unknown): true => {
      seen.push(structuredClone(value));
      spoil(value);
      return true;
    };
    const flow = graph<Box>("spoiling")
      .step("one", (ctx, input) => {
        look(input);
        look(ctx.input);
        return box();
      })
      .step("two", { needs: ["one"], retry: { initial: 1 } }, (ctx, { one }) => {
        look(one);
        if (ctx.attempt === 1) throw new Error("again");
        return box();
      })
      .step("asked", { needs: ["two"], when: ({ two }) => look(two) }, (ctx, { two }) => {
        look(two);
        look(ctx.input);
        return [two, box()];
      })
      .map("items", { over: "asked" }, (_ctx, item) => {
        look(item);
        return box();
      })
      .step("three", { needs: ["one", "two", "items"] }, (_ctx, { one, two, items }) => {
        for (const value of [one, two, ...items]) look(value);
        return box();
      })
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow, box());
    expect(await run.result()).toEqual(box());
    const spoilt = { list: [1, 2, -1], filler: "spoilt" };
    // What a step returned after spoiling it is what its successors get: it is their own doing.
    expect(seen.filter((value) => JSON.stringify(value) === JSON.stringify(spoilt))).toHaveLength(
      1,
    );
    expect(seen.filter((value) => JSON.stringify(value) === JSON.stringify(box()))).toHaveLength(
      seen.length - 1,
    );
  });

  it("are each reader's own, in code", async () => {
    const seen: unknown[] = [];
    const look = (value: unknown): void => {
      seen.push(structuredClone(value));
      spoil(value);
    };
    const box = (): Box => ({ list: [1], filler: "x" });
    const flow = workflow("spoiling-code", async (ctx, input: Box) => {
      look(input);
      const shared = await ctx.run("make", (step) => {
        look(step.input);
        return box();
      });
      look(shared);
      look(await ctx.waitFor("word"));
      return ctx.run("again", (step) => {
        look(step.input);
        return box();
      });
    });
    const millrace = await scene().open({ workflows: [flow], parkAfter: 1 });
    const run = await millrace.start(flow, box());
    await run.signal("word", box());
    expect(await run.result()).toEqual(box());
    for (const value of seen) expect(value).toEqual(box());
    expect(seen.length).toBeGreaterThanOrEqual(5);
  });

  it("given to start and to signal may be changed right away", async () => {
    const flow = workflow("given", async (ctx, input: Box) => [input, await ctx.waitFor("word")]);
    const millrace = await scene().open({ workflows: [flow] });
    const [input, payload] = [
      { list: [1], filler: "x" },
      { list: [2], filler: "y" },
    ];
    const starting = millrace.start(flow, input);
    spoil(input);
    const run = await starting;
    const sending = run.signal("word", payload);
    spoil(payload);
    await sending;
    expect(await run.result()).toEqual([
      { list: [1], filler: "x" },
      { list: [2], filler: "y" },
    ]);
  });

  it("shown by a view or an event are frozen", async () => {
    const flow = graph<Box>("viewed")
      .step("only", (_ctx, input) => input)
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow, { list: [1], filler: "x" });
    const result = await run.result();
    spoil(result);
    const view = await run.get();
    expect(() => spoil((view.output as { json: unknown }).json)).toThrow(TypeError);
    for await (const event of run.events()) {
      if (event.type !== "run.completed") continue;
      expect(() => spoil("json" in event.output && event.output.json)).toThrow(TypeError);
    }
    expect(await run.result()).toEqual({ list: [1], filler: "x" });
    expect(await run.get()).toMatchObject({ output: { json: { list: [1], filler: "x" } } });
  });
});
