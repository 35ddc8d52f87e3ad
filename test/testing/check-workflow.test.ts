// checkWorkflow leaves sound workflows alone, and finds what is wrong with others, in few and small cases.
import { AssertionError } from "node:assert";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { graph, TerminalError, workflow } from "../../src/index.ts";
import {
  type CheckWorkflowOptions,
  checkWorkflow,
  differences,
  EffectLedger,
  type Outside,
  type TestedWorkflow,
  testRuntime,
} from "../../src/testing.ts";

/** What a check finds; fails when it finds nothing. */
async function found<I, O>(
  tested: TestedWorkflow<I, O>,
  options: CheckWorkflowOptions<I>,
): Promise<string> {
  try {
    await checkWorkflow(tested, options);
  } catch (error) {
    if (error instanceof AssertionError) return error.message;
    throw error;
  }
  throw new Error("nothing was found");
}

const order = ({ effects, sleep }: Outside) =>
  workflow("order", async (ctx, input: { cents: number; paid: boolean }) => {
    await ctx.run("reserve", (step) => effects.apply("reserve", { key: step.idempotencyKey }), {
      undo: (step) => effects.apply("free", { key: step.idempotencyKey }),
    });
    await ctx.sleep("cool-off", "2d");
    const payment = await ctx.waitFor<boolean>("payment", { timeout: "1w" });
    if (payment !== true) throw new TerminalError("not paid");
    await ctx.all(
      ["pack", "bill"].map((name) =>
        ctx.run(name, async (step) => {
          await sleep("5m");
          await effects.apply(name, { key: step.idempotencyKey, detail: input.cents });
        }),
      ),
    );
    return input.cents;
  });

describe("a sound workflow", () => {
  it("in code keeps its word: signals, waits, undo, steps beside each other", async () => {
    const report = await checkWorkflow((outside) => order(outside), {
      inputs: [true, false].map((paid) => ({ cents: 100, paid })),
      seed: 1,
      runs: 6,
      signals: ({ paid }) => (paid ? [{ name: "payment", payload: true, after: "3d" }] : []),
    });
    expect(report.inputs).toBe(6);
    expect(report.lives).toBeGreaterThan(6 * 7);
    expect(report.crashes).toBeGreaterThan(6 * 6);
    expect(report.outcomes.completed + report.outcomes.failed).toBe(report.lives);
    expect(report.outcomes.completed).toBeGreaterThan(0);
    expect(report.outcomes.failed).toBeGreaterThan(0);
  });

  it("as a graph keeps its word: fan-out, retries, conditions", async () => {
    const effects = new EffectLedger();
    const words = graph<{ text: string }>("words")
      .step("split", (_, { text }) => text.split(" "))
      .map("length", { over: "split", retry: { initial: "1h" } }, async (ctx, word) => {
        if (ctx.attempt === 1 && word.startsWith("a")) throw new Error("again");
        ctx.log.error("nobody is to complain about this");
        await effects.apply("count", { key: ctx.idempotencyKey, detail: word });
        return word.length;
      })
      .step("big", { needs: ["length"], when: ({ length }) => length.length > 2 }, () => true)
      .step("total", { needs: ["length", "big"] }, (_, { length }) =>
        length.reduce((sum, one) => sum + one, 0),
      )
      .build();
    const inputs = fc
      .array(fc.constantFrom("a", "bb", "ccc"), { maxLength: 4 })
      .map((list) => ({ text: list.join(" ") }));
    const report = await checkWorkflow(words, { inputs, runs: 6, effects });
    expect(report.outcomes).toMatchObject({ completed: report.lives });
  });

  it("may wait for ever: that is how its life ends", async () => {
    const flow = workflow("patient", (ctx) => ctx.waitFor("never"));
    const report = await checkWorkflow(flow, { inputs: [undefined], runs: 2 });
    expect(report.outcomes.waiting).toBe(report.lives);
  });
});

describe("a workflow is found out", () => {
  it("that does something before it is recorded, and the case is the smallest", async () => {
    const message = await found(
      ({ effects }: Outside) =>
        workflow("shop", async (ctx, input: { cents: number; gift: boolean }) => {
          await ctx.run("check", () => true);
          await ctx.run("pay", () => effects.apply("pay", { detail: input.gift }));
        }),
      { inputs: fc.record({ cents: fc.nat(), gift: fc.boolean() }), seed: 7 },
    );
    expect(message).toContain("effect pay false was applied 2 times, undisturbed once");
    expect(message).toContain("by attempt 1 of step pay on node-1, then by attempt 2 of step pay");
    expect(message).toContain("hand it ctx.idempotencyKey");
    expect(message).toContain('input   {"cents":0,"gift":false}');
    expect(message).toContain('sim.crashAt({ commit: 3, side: "before" })');
  });

  it("whose function does something itself", async () => {
    const tested = ({ effects }: Outside) =>
      workflow("direct", async (ctx) => {
        await effects.apply("mail");
        await ctx.run("a", () => 1);
      });
    expect(await found(tested, { inputs: [undefined] })).toContain(
      "effect mail was applied by the workflow's function itself",
    );
  });

  it("that uses another key for every attempt", async () => {
    const tested = ({ effects }: Outside) =>
      workflow("keys", (ctx) =>
        ctx.run("a", (step) => effects.apply("pay", { key: `${step.step}-${step.attempt}` })),
      );
    expect(await found(tested, { inputs: [undefined] })).toContain("It came with 2 keys");
  });

  it("that is not deterministic", async () => {
    let calls = 0;
    const flow = workflow("fickle", async (ctx) => {
      await ctx.run(`call-${calls++}`, () => 1);
    });
    const message = await found(flow, { inputs: [undefined] });
    expect(message).toMatch(
      /- workflow fickle.* the function asked for step:call-\d+ where earlier it asked/,
    );
  });

  it("that keeps in memory what belongs into its log", async () => {
    const tested = () => {
      const memory = new Map<string, number>();
      return graph<number>("forgetful")
        .step("load", (ctx, n) => void memory.set(ctx.run.id, n))
        .step("use", { needs: ["load"] }, (ctx) => memory.get(ctx.run.id) ?? "forgotten")
        .build();
    };
    const message = await found(tested, { inputs: [5] });
    expect(message).toContain('it completed with "forgotten"; undisturbed, it completed with 5');
  });

  it("that cannot stand the loss of an attempt, unless that is meant", async () => {
    const flow = workflow("once", (ctx) => ctx.run("only", () => 1, { retry: { maxAttempts: 1 } }));
    const message = await found(flow, { inputs: [undefined] });
    expect(message).toContain("it failed with E_STEP_FAILED: step only failed: node node-1 went");
    const compare = (a: Parameters<typeof differences>[0], b: typeof a) =>
      b.outcome.status === "failed" ? [] : differences(a, b);
    await checkWorkflow(flow, { inputs: [undefined], runs: 2, compare });
  });

  it("that never comes to an end", async () => {
    const flow = workflow("restless", async (ctx) => {
      for (;;) await ctx.sleep("nap", "1d");
    });
    const message = await found(flow, { inputs: [undefined], within: "10d" });
    expect(message).toContain("it cannot be lived to an end");
    expect(message).toContain("sleeps (nap");
  });

  it("by what must hold of every life, said or thrown", async () => {
    const flow = workflow("sum", (ctx, n: number) => ctx.run("add", () => n + 1));
    const options = { inputs: fc.integer({ min: 0, max: 99 }), seed: 1 };
    const message = await found(flow, {
      ...options,
      holds: ({ outcome }, n) =>
        outcome.status === "completed" && n > 30 ? [`${outcome.output} is too much`] : [],
    });
    expect(message).toContain("32 is too much");
    const thrown = await found(flow, { ...options, holds: () => expect(1).toBe(2) as undefined });
    expect(thrown).toContain("expected 1 to be 2");
  });
});

describe("what is found", () => {
  const wrong = ({ effects }: Outside) =>
    workflow("wrong", async (ctx, n: number) => {
      await ctx.waitFor("go");
      if (n > 10) await ctx.run("pay", () => effects.apply("pay"));
    });
  const inputs = fc.nat(50);
  const signals = [{ name: "go", payload: 1, after: "1h" }] as const;

  it("is found again from its seed and path", async () => {
    const message = await found(wrong, { inputs, signals });
    const [, seed = "", path = ""] = /seed: (-?\d+), path: "([\d:]+)"/.exec(message) ?? [];
    const again = await found(wrong, { inputs, signals, seed: Number(seed), path });
    const story = (text: string): string => text.replace(/\(input.*\)/, "");
    expect(story(again)).toBe(story(message));
    expect(message).toContain("input   11");
  });

  it("is lived again by the lines that are printed", async () => {
    const message = await found(wrong, { inputs, signals });
    const [, commit, side] = /crashAt\({ commit: (\d+), side: "(\w+)" }\)/.exec(message) ?? [];
    const [, order] = /seed: (\d+) }\);/.exec(message) ?? [];
    expect(message).toContain('await sim.advance(3600000);\n  await run.signal("go", 1');
    await using sim = await testRuntime({
      workflows: (outside) => [wrong(outside)],
      seed: Number(order),
    });
    sim.crashAt({ commit: Number(commit), side: side as "before" });
    const run = await sim.start("wrong", 11, { id: "run" });
    await sim.advance(3_600_000);
    await run.signal("go", 1, { id: "signal-0" });
    await sim.idle();
    expect(sim.outside.effects.applied).toHaveLength(2);
  });

  it("is refused when it is not asked for properly", async () => {
    const flow = workflow("fine", () => 1);
    const refused = { code: "E_OPTION_INVALID" };
    await expect(checkWorkflow(flow, { inputs: [] })).rejects.toMatchObject(refused);
    await expect(checkWorkflow(flow, { inputs: [1], runs: 0 })).rejects.toMatchObject(refused);
    const misspelt = { inputs: [1], signal: [] };
    await expect(checkWorkflow(flow, misspelt)).rejects.toThrow('did you mean "signals"');
  });
});
