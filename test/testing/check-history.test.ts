// Recorded histories against changed code: what still follows them, and where what does not first differs.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  graph,
  type RecordedEvent,
  TerminalError,
  type Workflow,
  type WorkflowContext,
  workflow,
} from "../../src/index.ts";
import { pause, systemClock } from "../../src/kernel/clock.ts";
import { checkHistory, testRuntime } from "../../src/testing.ts";
import { build, codeSpecs, graphSpecs, type Spec } from "../engine/kit/random-workflow.ts";

/** The events of a run that was left alone until nothing more happened by itself. */
async function recorded(flow: Workflow, input?: unknown): Promise<readonly RecordedEvent[]> {
  await using sim = await testRuntime({ workflows: [flow] });
  const run = await sim.start(flow.name, input, { id: "run" });
  await sim.idle();
  return await run.events();
}

type Fn = (ctx: WorkflowContext, input: number) => unknown;
const flow = (fn: Fn) => workflow("flow", fn as (ctx: WorkflowContext, input: unknown) => unknown);

const original: Fn = async (ctx, n) => {
  const a = await ctx.run("a", () => n + 1);
  await ctx.sleep("nap", "1d");
  const b = await ctx.run("b", () => a * 2, { undo: () => undefined });
  return { a, b };
};

describe("the history of a code workflow", () => {
  it("is followed by the same code, and by code that only does its steps otherwise", async () => {
    const events = await recorded(flow(original), 5);
    const same = { follows: true, goesOn: true, differences: [] };
    expect(await checkHistory(flow(original), events)).toEqual(same);
    const otherwise: Fn = async (ctx, n) => {
      const a = await ctx.run("a", () => n + 100, { retry: { maxAttempts: 9 } });
      await ctx.sleep("nap", "3d");
      const b = await ctx.run("b", () => 0, { undo: () => "better" });
      return { a, b };
    };
    expect(await checkHistory(flow(otherwise), events)).toEqual(same);
  });

  const changes: readonly (readonly [string, Fn, object])[] = [
    [
      "a step of another name",
      async (ctx, n) => {
        await ctx.run("a", () => n);
        await ctx.sleep("rest", "1d");
      },
      { what: "timer nap", seq: 6, breaks: true },
    ],
    [
      "an order that is another",
      async (ctx, n) => {
        await ctx.sleep("nap", "1d");
        await ctx.run("a", () => n);
      },
      { what: "step a", seq: 3, breaks: true },
    ],
    [
      "an end that comes earlier",
      async (ctx, n) => {
        const a = await ctx.run("a", () => n);
        await ctx.sleep("nap", "1d");
        return a;
      },
      { what: "step b", breaks: true },
    ],
    [
      "a step more where the run ended",
      async (ctx, n) => {
        await original(ctx, n);
        await ctx.run("c", () => 1);
      },
      { what: "step c", seq: undefined, breaks: false },
    ],
    [
      "another result",
      async (ctx, n) => {
        await original(ctx, n);
        return "done";
      },
      { what: "the end", breaks: false, message: expect.stringContaining('returns "done"') },
    ],
    [
      "an undo that is lost",
      async (ctx, n) => {
        const a = await ctx.run("a", () => n);
        await ctx.sleep("nap", "1d");
        const b = await ctx.run("b", () => a);
        return { a, b };
      },
      { what: "step b", breaks: true, message: expect.stringContaining("no undo any more") },
    ],
    [
      "something that ctx does not know of",
      async (ctx, n) => {
        await ctx.run("a", () => n);
        await pause(systemClock(), 1);
        await ctx.sleep("nap", "1d");
      },
      { what: "the function", breaks: true },
    ],
  ];
  it.each(changes)("shows %s", async (_what, changed, difference) => {
    const events = await recorded(flow(original), 5);
    const report = await checkHistory(flow(changed), events);
    expect(report.follows).toBe(false);
    expect(report.differences[0]).toMatchObject(difference);
    expect(report.goesOn).toBe(!(difference as { breaks: boolean }).breaks);
  });

  it("may stop anywhere: then it is followed as far as it goes", async () => {
    const events = await recorded(flow(original), 5);
    const parked = events.slice(0, 7);
    expect(parked.at(-1)?.type).toBe("run.parked");
    expect(await checkHistory(flow(original), parked)).toMatchObject({ follows: true });
    const shorter: Fn = (ctx, n) => ctx.run("a", () => n);
    expect((await checkHistory(flow(shorter), parked)).differences[0]?.what).toBe("timer nap");
    const longer: Fn = (ctx, n) => ctx.all([original(ctx, n), ctx.run("beside", () => 1)]);
    expect((await checkHistory(flow(longer), parked)).differences).toMatchObject([
      { what: "timer nap", breaks: true },
    ]);
  });

  it("that failed is followed by a function that fails alike", async () => {
    const failing = (message: string): Fn => {
      return async (ctx) => {
        await ctx.run("a", () => 1);
        throw new TerminalError(message);
      };
    };
    const events = await recorded(flow(failing("no")), 5);
    expect(await checkHistory(flow(failing("no")), events)).toMatchObject({ follows: true });
    const report = await checkHistory(flow(failing("never")), events);
    expect(report.differences[0]?.message).toBe(
      "it throws: never, and in the history it throws: no",
    );
  });
});

describe("the history of a graph", () => {
  const plain = () =>
    graph<number>("sums")
      .step("one", (_, n) => n)
      .step("two", { needs: ["one"], undo: () => undefined }, (_, { one }) => one * 2)
      .build();

  it("shows what is different in the plan, and whether code is missing", async () => {
    const events = await recorded(plain(), 5);
    expect(await checkHistory(plain(), events)).toMatchObject({ follows: true, goesOn: true });
    const changed = graph<number>("sums")
      .step("one", { retry: { maxAttempts: 2 } }, (_, n) => n)
      .step("three", { needs: ["one"] }, (_, { one }) => one * 3)
      .build();
    const report = await checkHistory(changed, events);
    expect(report).toMatchObject({ follows: false, goesOn: false });
    expect(report.differences.map(({ what, seq, breaks }) => [what, seq, breaks])).toEqual([
      ["step one", 3, false],
      ["step two", 6, true],
      ["step three", undefined, false],
      ["the workflow", 1, false],
    ]);
    expect(report.differences[0]?.message).toMatch(/^policy of step one was \{.*and is/);
    const lost = graph<number>("sums")
      .step("one", (_, n) => n)
      .step("two", { needs: ["one"] }, (_, { one }) => one * 2)
      .build();
    expect((await checkHistory(lost, events)).differences[0]?.message).toBe(
      "step two was to be undone, and has no undo any more",
    );
  });

  it("is not that of another workflow, or of one of the other style", async () => {
    const events = await recorded(plain(), 5);
    const other = workflow("others", () => 1);
    expect((await checkHistory(other, events)).differences[0]?.what).toBe("the workflow");
    const style = workflow("sums", () => 1);
    expect((await checkHistory(style, events)).differences[0]?.message).toBe(
      "the run began as graph, and the workflow is code",
    );
  });
});

describe("any history", () => {
  const outside = { clock: systemClock(), executed: () => undefined };
  /** Steps take no time of their own here. */
  const quick = (spec: Spec): Spec =>
    JSON.parse(JSON.stringify(spec).replace(/"ms":\d+/g, '"ms":0'));

  it("is followed by the code that made it", async () => {
    const property = fc.asyncProperty(fc.oneof(codeSpecs, graphSpecs), async (raw) => {
      const spec = quick(raw);
      const events = await recorded(build(spec, outside), "input");
      const report = await checkHistory(build(spec, outside), events);
      expect(report.differences).toEqual([]);
    });
    await fc.assert(property, { numRuns: 40 });
  });

  it("is one of one run, from its first event on", async () => {
    const events = await recorded(flow(original), 5);
    const corrupt = { code: "E_LOG_CORRUPT" };
    await expect(checkHistory(flow(original), events.slice(1))).rejects.toMatchObject(corrupt);
    await expect(checkHistory(flow(original), [])).rejects.toMatchObject(corrupt);
    const [first, second] = events as [RecordedEvent, RecordedEvent];
    const mixed = [first, { ...second, run: "another" }];
    await expect(checkHistory(flow(original), mixed)).rejects.toMatchObject(corrupt);
  });

  it("needs the store's blobs when its values are large", async () => {
    const large: Fn = async (ctx) => (await ctx.run("a", () => "x".repeat(100_000))).length;
    await using sim = await testRuntime({ workflows: [flow(large)] });
    const run = await sim.start("flow", 1);
    await sim.idle();
    const events = await run.events();
    const option = { code: "E_OPTION_INVALID" };
    await expect(checkHistory(flow(large), events)).rejects.toMatchObject(option);
    const { blobs } = sim.client.store;
    expect(await checkHistory(flow(large), events, { blobs })).toMatchObject({ follows: true });
  });
});
