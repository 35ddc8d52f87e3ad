/** How long a history is: known to code, the same in every re-run; told before a limit bites. */
import { expect, it } from "vitest";
import { WARNED_EVENTS } from "../../src/engine/turn/turn.ts";
import { graph, open, workflow } from "../../src/index.ts";
import { limits } from "../../src/kernel/limits.ts";
import { testRuntime } from "../../src/testing.ts";

it("is known to code, which goes on as another run before it is too long", async () => {
  const seen: number[] = [];
  const loop = workflow("loop", async (ctx, rounds: number) => {
    for (let left = rounds; left > 0; left--) {
      if (ctx.historyLength() > 30) return ctx.continueAsNew(left);
      await ctx.run("work", () => left);
      await ctx.sleep("rest", "1h");
      seen.push(ctx.historyLength());
    }
    return ctx.historyLength();
  });
  await using sim = await testRuntime({ workflows: [loop] });
  const run = await sim.start(loop, 20);
  expect(await run.result()).toBeLessThanOrEqual(40);
  // Run again after every park, it sees what it saw before.
  const grows = [...new Set(seen)];
  expect(grows).toEqual(grows.toSorted((a, b) => a - b));
  expect(Math.max(...grows)).toBeLessThanOrEqual(40);
});

it("is kept short by policy: the workflow says at which length, and a run keeps to what it began with", async () => {
  const poll = (continueAt: number) =>
    workflow("poll", { continueAt }, async (ctx, left: number) => {
      for (; left > 0; left--) {
        await ctx.continueIfLong(left);
        await ctx.run("work", () => left);
        await ctx.sleep("rest", "1h");
      }
      return ctx.historyLength();
    });
  await using sim = await testRuntime({ workflows: [poll(20)] });
  const run = await sim.start(poll(20), 12);
  expect(await run.result()).toBeLessThanOrEqual(30);
  const runs = await sim.client.list({ workflow: "poll" });
  expect(runs.length).toBeGreaterThan(2);
  for (const { seq, status } of runs) {
    expect(seq).toBeLessThanOrEqual(40);
    expect(["continued", "completed"]).toContain(status);
  }
  expect(() => poll(3)).toThrow(/continueAt/);
  const graphs = graph as unknown as (name: string, options: object) => unknown;
  expect(() => graphs("g", { continueAt: 20 })).toThrow(/continueAt/);
});

it("is told to whoever operates the process, once", async () => {
  const [first = 0] = WARNED_EVENTS;
  const warnings: unknown[] = [];
  const wide = graph<number>("wide")
    .step("list", (_ctx, n) => Array.from({ length: n }, (_each, index) => index))
    .map("item", { over: "list" }, () => null)
    .build();
  const logger = {
    info: () => undefined,
    error: () => undefined,
    warn: (_message: string, more?: object) => void warnings.push(more),
  };
  await using millrace = await open({ store: "memory", workflows: [wide], logger });
  const run = await millrace.start(wide, first / 2);
  await run.result();
  expect(warnings).toEqual([expect.objectContaining({ run: run.id, max: limits.runEventsMax })]);
});
