/** Runs that are taken up by other code than they began with, or held: nothing happens that must not. */
import { describe, expect, it } from "vitest";
import { MemoryBackend, memoryStore } from "../../src/adapters/memory/store.ts";
import { graph, type Millrace, open, type Workflow, workflow } from "../../src/index.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { systemIds } from "../../src/kernel/ids.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { systemRandom } from "../../src/kernel/random.ts";

const world = { clock: systemClock(), random: systemRandom, ids: systemIds };

/** Processes one after the other over one memory. */
function processes(): (node: string, ...workflows: Workflow[]) => Promise<Millrace> {
  const share = new MemoryBackend(world.clock);
  return (node, ...workflows) => {
    const store = memoryStore({ namespace: "n", node, world, share });
    return open({ store, node, workflows, stopGrace: 0, parkAfter: 5, logger: silentLogger });
  };
}

const typesOf = async (millrace: Millrace, run: string, until: string): Promise<string[]> => {
  const types: string[] = [];
  for await (const { type } of millrace.subscribe({ run })) {
    types.push(type);
    if (type === until) break;
  }
  return types;
};

const forever = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));

describe("a run that is held", () => {
  it("does not go on when it is claimed while it is paused", async () => {
    const flow = workflow("flow", async (ctx) => {
      await ctx.run("a", () => new Promise((resolve) => setTimeout(resolve, 250)));
      return ctx.run("b", () => "end");
    });
    const process = processes();
    await using millrace = await process("one", flow);
    const run = await millrace.start(flow);
    await expect.poll(async () => (await run.get()).steps[0]?.status).toBe("running");
    await run.pause();
    await typesOf(millrace, run.id, "run.parked");
    await run.signal("anything", 1);
    await expect.poll(async () => (await run.get()).epoch).toBeGreaterThan(1);
    await expect.poll(async () => (await run.get()).node).toBe(null);
    expect((await run.get()).status).toBe("paused");
    expect((await run.get()).steps.map(({ step }) => step)).toEqual(["a"]);
    await run.resume();
    expect(await run.result()).toBe("end");
  });
});

describe("a run that is being undone", () => {
  it("waits for code that can undo it; the step itself never runs in its place", async () => {
    const calls: string[] = [];
    const made = (undo: boolean) =>
      graph("shop")
        .step(
          "charge",
          undo ? { undo: (ctx) => forever(ctx.signal) } : {},
          (ctx) => void calls.push(ctx.step),
        )
        .step("fail", { needs: ["charge"], retry: { maxAttempts: 1 } }, () => {
          throw new Error("out of stock");
        })
        .build();
    const process = processes();
    const first = await process("one", made(true));
    const run = await first.start("shop", undefined, { id: "r" });
    await expect.poll(async () => (await run.get()).steps.at(-1)?.step).toBe("fail");
    await expect.poll(async () => (await run.get()).status).toBe("compensating");
    await expect(run.cancel()).rejects.toMatchObject({ code: "E_COMMAND_REFUSED" });
    await first.close();
    const other = await process("two", made(false));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await other.close();
    expect(calls).toEqual(["charge"]);
  });

  it("keeps no slot when a function has lost its undo", async () => {
    const made = (undo: boolean) =>
      workflow("trip", async (ctx) => {
        const options = undo
          ? { undo: (step: { signal: AbortSignal }) => forever(step.signal) }
          : {};
        await ctx.run("book", () => 1, options);
        throw new Error("no");
      });
    const other = workflow("other", async (ctx) => ctx.run("a", () => "fine"));
    const process = processes();
    const first = await process("one", made(true));
    const run = await first.start("trip", undefined, { id: "r" });
    await expect.poll(async () => (await run.get()).status).toBe("compensating");
    await first.close();
    const second = await process("two", made(false), other);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await (await second.start(other)).result()).toBe("fine");
    await second.close();
    await using third = await process("three", made(true), other);
    await expect.poll(async () => (await third.get("r")).steps.at(-1)?.status).toBe("running");
  });
});

describe("a function that does what it may not", () => {
  it("fails its run at once when a step calls its ctx", async () => {
    const flow = workflow("flow", async (ctx) => ctx.run("outer", () => ctx.run("inner", () => 1)));
    await using millrace = await processes()("one", flow);
    const run = await millrace.start(flow);
    await expect(run.result({ timeoutMs: 25_000 })).rejects.toMatchObject({ code: "E_RUN_FAILED" });
  });

  it("leaves the process to others, though it never waits long", async () => {
    const busy = workflow("busy", async (ctx) => {
      for (;;) await ctx.sleep("t", 0);
    });
    const other = workflow("other", async (ctx) => ctx.run("a", () => "fine"));
    await using millrace = await processes()("one", busy, other);
    const run = await millrace.start(busy);
    expect(await (await millrace.start(other)).result({ timeoutMs: 25_000 })).toBe("fine");
    await run.cancel();
    await expect(run.result({ timeoutMs: 25_000 })).rejects.toMatchObject({
      code: "E_RUN_CANCELLED",
    });
  });
});
