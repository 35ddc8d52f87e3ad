// A workflow that waits for people under test: weeks in milliseconds, answers that come twice, late or never.
import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RecordedEvent } from "../../src/index.ts";
import {
  checkHistory,
  checkWorkflow,
  runModel,
  runModelCommands,
  testRuntime,
} from "../../src/testing.ts";
import { spend } from "../agent-approval.ts";

const approval = (request: string) => ({ request: `request-${request}`, by: "Grace" });

describe("spending", () => {
  it("of 5000 waits for its own approval, for an hour", async () => {
    await using sim = await testRuntime({ workflows: [spend] });
    const run = await sim.start(spend, 5_000);
    await run.signal("approval", approval("another"));
    await sim.advance("59m");
    expect((await run.explain()).waits).toMatchObject([{ kind: "signal" }]);
    await run.signal("approval", approval(run.id));
    expect(await run.result()).toBe("5000: approved by Grace");
  });

  it("escalates when nobody answers in time", async () => {
    await using sim = await testRuntime({ workflows: [spend] });
    const run = await sim.start(spend, 5_000);
    const began = sim.now();
    expect(await run.result()).toBe("5000: escalated");
    expect(sim.now() - began).toBe(3_600_000);
  });

  it("comes to the same whatever crashes when, and however often the answer comes", async () => {
    const report = await checkWorkflow(spend, {
      inputs: fc.integer({ min: 0, max: 10_000 }),
      runs: 12,
      // Every run of a check has the id "run".
      signals: (amount) =>
        amount % 2 === 0 ? [] : [{ name: "approval", payload: approval("run"), after: "10m" }],
    });
    expect(report.outcomes.completed).toBe(report.lives);
  });

  it("survives any sequence of answers, waits, crashes, pauses and cancellations", async () => {
    const answers = { approval: fc.constantFrom("run", "another").map(approval) };
    const commands = fc.commands(runModelCommands({ signals: answers, longest: "40m" }));
    const property = fc.asyncProperty(commands, async (life) => {
      await using runtime = await testRuntime({ workflows: [spend] });
      const run = await runtime.start(spend, 5_000, { id: "run" });
      await fc.asyncModelRun(() => ({ model: runModel(), real: { runtime, run } }), life);
    });
    await fc.assert(property, { numRuns: 30 });
  });

  it("can go on with what was recorded in production", async () => {
    // millrace events RUN --json > spend-5000.jsonl
    const file = new URL("histories/spend-5000.jsonl", import.meta.url);
    const lines = (await readFile(file, "utf8")).trim().split("\n");
    const history = lines.map((line) => JSON.parse(line) as RecordedEvent);
    expect(await checkHistory(spend, history)).toEqual({
      follows: true,
      goesOn: true,
      differences: [],
    });
  });
});
