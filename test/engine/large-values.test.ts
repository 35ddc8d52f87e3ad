/**
 * Values of every size: small ones lie in their events, large ones in the blob store, and what comes
 * out is what went in.
 */
import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { graph, workflow } from "../../src/index.ts";
import { limits } from "../../src/kernel/limits.ts";
import { only, onStores, refusal } from "./kit/scene.ts";

const echo = graph<unknown>("echo")
  .step("first", (_ctx, input) => input)
  .step("second", { needs: ["first"] }, (_ctx, { first }) => first)
  .build();

/** Text whose JSON has exactly so many bytes. */
const ofBytes = (bytes: number): string => "x".repeat(bytes - 2);

/** Text that no compression makes small. */
const noise = (chars: number): string => randomBytes(chars).toString("base64").slice(0, chars);

onStores("a value", (scene) => {
  const LIMIT = limits.valueInlineBytesMax;
  it.each([
    [LIMIT - 1, "inline"],
    [LIMIT, "inline"],
    [LIMIT + 1, "blob"],
    [5 * 1024 * 1024, "blob"],
  ])("of %i bytes lies in its event or in the blob store (%s)", async (bytes, place) => {
    const millrace = await scene().open({ workflows: [echo] });
    const value = ofBytes(bytes);
    const run = await millrace.start(echo, value);
    expect(await run.result()).toBe(value);
    const events = await scene().log(run.id);
    const values = [
      ...only(events, "run.created").map(({ input }) => input),
      ...only(events, "step.completed").map(({ output }) => output),
      ...only(events, "run.completed").map(({ output }) => output),
    ];
    expect(values).toHaveLength(4);
    for (const one of values) {
      if (place === "inline") expect(one).toHaveProperty("json");
      else expect(one).toMatchObject({ blob: expect.any(String), bytes });
    }
  });

  it("counts its bytes, not its characters", async () => {
    const millrace = await scene().open({ workflows: [echo] });
    const value = { text: "ä€🚀\u0001\ud800".repeat(9_000) };
    const run = await millrace.start(echo, value);
    expect(await run.result()).toEqual(value);
    const [created] = only(await scene().log(run.id), "run.created");
    expect(created?.input).toHaveProperty("blob");
  });

  it("of any size goes through signals, notes, outputs and checkpoints", async () => {
    const large = noise(200_000);
    const flow = workflow("all-ways", async (ctx) => {
      const word = await ctx.waitFor<string>("word");
      return ctx.run(
        "step",
        async (step) => {
          await step.note("large", word);
          await step.emit("large", word);
          await step.checkpoint(word, { kind: "large" });
          const saved = await step.lastCheckpoint();
          return { same: saved?.state === word, metadata: saved?.metadata, word };
        },
        { retry: { maxAttempts: 1 } },
      );
    });
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await run.signal("word", large);
    expect(await run.result()).toEqual({ same: true, metadata: { kind: "large" }, word: large });
    expect(JSON.stringify(await scene().log(run.id)).length).toBeLessThan(20_000);
  });

  it("that is gone fails what needs it, and says so", async () => {
    const millrace = await scene().open({ workflows: [echo] });
    const run = await millrace.start(echo, noise(100_000));
    await run.result();
    const [created] = only(await scene().log(run.id), "run.created");
    const value = created?.input;
    if (value === undefined || !("blob" in value)) throw new Error("it is not in the blob store");
    await (await scene().store()).blobs.delete(value.blob);
    expect(await refusal(run.result())).toMatchObject({ code: "E_STORE_MISSING" });
  });
});

onStores("results of a mapped step", (scene) => {
  it("come together in order, small and large ones mixed, without being stored again", async () => {
    const sizes = [10, 100_000, 20, 70_000, 0];
    const flow = graph("mixed")
      .step("list", () => sizes)
      .map("work", { over: "list" }, (_ctx, size: number) => noise(size))
      .step("lengths", { needs: ["work"] }, (_ctx, { work }) => work.map((text) => text.length))
      .step("whole", { needs: ["work", "lengths"] }, (_ctx, { work }) => work)
      .returns("work")
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    const result = (await run.result()) as string[];
    expect(result.map((text) => text.length)).toEqual(sizes);
    const { steps, output } = await run.get();
    expect(output).toEqual({ items: 5, of: "work" });
    const lengths = steps.find(({ step }) => step === "lengths");
    expect(lengths?.output).toEqual({ json: sizes });
  });

  it("that are too many for one frame are spread over several", async () => {
    const flow = graph("wide")
      .step("list", () => Array.from({ length: 64 }, (_, index) => index))
      .map("work", { over: "list" }, () => noise(40_000))
      .build();
    const millrace = await scene().open({ workflows: [flow], worker: { steps: 64 } });
    const run = await millrace.start(flow);
    const result = (await run.result()) as string[];
    expect(result.map((text) => text.length)).toEqual(Array(64).fill(40_000));
    const events = await scene().log(run.id);
    expect(only(events, "step.retrying")).toEqual([]);
    expect(only(events, "step.started").filter(({ attempt }) => attempt > 1)).toEqual([]);
  });
});
