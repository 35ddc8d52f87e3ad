// Model commands: a sound workflow survives every sequence of them, and one that is not is found out.
import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { workflow } from "../../src/index.ts";
import {
  type RealRun,
  type RunModel,
  runModel,
  runModelCommands,
  signalCommand,
  testRuntime,
} from "../../src/testing.ts";

const counter = workflow("counter", async (ctx, wanted: number) => {
  let sum = 0;
  for (let nth = 0; nth < wanted; nth++) {
    sum += (await ctx.waitFor<number>("add", { timeout: "30d" })) ?? 0;
    await ctx.run("note", () => sum);
    await ctx.sleep("rest", "1d");
  }
  return sum;
});

/** What of the signals counts so far: a model of one's own. */
interface Sum extends RunModel {
  sum: number;
}

/** A command of one's own: after a while the run has come to the same sum. */
class Await implements fc.AsyncCommand<Sum, RealRun> {
  check(model: Readonly<Sum>): boolean {
    return model.signals.length >= 3 && !model.stopping && !model.paused && !model.ended;
  }
  async run(model: Sum, { run }: RealRun): Promise<void> {
    const first = model.signals.slice(0, 3).map(({ payload }) => payload as number);
    const sum = first.reduce((total, one) => total + one, 0);
    const result = await run.result();
    assert.equal(result, sum);
    model.sum = sum;
    model.ended = true;
  }
  toString(): string {
    return "await the sum";
  }
}

describe("model commands", () => {
  it("never break a sound workflow, and go together with commands of one's own", async () => {
    const results: number[] = [];
    const commands = fc.commands<Sum, RealRun, false>(
      [
        ...runModelCommands({ signals: { add: fc.nat(9) }, longest: "2d" }),
        signalCommand("add", fc.nat(9)),
        fc.constant(new Await()),
      ],
      { maxCommands: 25, size: "max" },
    );
    const property = fc.asyncProperty(commands, fc.nat(99), async (life, seed) => {
      await using runtime = await testRuntime({ workflows: [counter], seed });
      const run = await runtime.start(counter, 3);
      const model: Sum = { ...runModel(), sum: -1 };
      await fc.asyncModelRun(() => ({ model, real: { runtime, run } }), life);
      if (model.ended || model.stopping) return;
      if (model.paused) await run.resume();
      for (const add of [1, 2, 3]) await run.signal("add", add);
      results.push(await run.result());
    });
    await fc.assert(property, { numRuns: 60 });
    expect(results.length).toBeGreaterThan(0);
  });

  it("find a function that is not deterministic", async () => {
    let nth = 0;
    const fickle = workflow("fickle", async (ctx) => {
      await ctx.run(`call-${nth++}`, () => 1);
      await ctx.waitFor("go");
    });
    const signals = { go: fc.constant(1) };
    const property = fc.asyncProperty(fc.commands(runModelCommands({ signals })), async (life) => {
      await using runtime = await testRuntime({ workflows: [fickle] });
      const run = await runtime.start(fickle);
      await fc.asyncModelRun(() => ({ model: runModel(), real: { runtime, run } }), life);
    });
    const { failed, counterexample, errorInstance } = await fc.check(property, {
      numRuns: 50,
      seed: 3,
    });
    expect(failed).toBe(true);
    expect(String(counterexample?.[0]).split(",").length).toBe(1);
    expect(String(errorInstance)).toContain("the function asked for step:call-");
  });
});
