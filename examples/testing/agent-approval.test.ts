// An agent under test: people who answer late, twice or never, crashes, and a model that is asked once.
import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RecordedEvent } from "../../src/index.ts";
import {
  checkHistory,
  checkWorkflow,
  type Outside,
  runModel,
  runModelCommands,
  testRuntime,
} from "../../src/testing.ts";
import { agentWith, think } from "../agent-approval.ts";

/** Every call of the model counts, also those whose answer is lost: they cost money. */
const agent = ({ effects }: Outside) =>
  agentWith({
    async think(step, task, results) {
      const thought = await think(step, task, results);
      await effects.apply("think", { key: step.idempotencyKey });
      return thought;
    },
    pay: (key, { invoice }) => effects.apply("pay", { key, detail: invoice }),
  });

const simulated = () => testRuntime({ workflows: (outside) => [agent(outside)] });
const task = (...amounts: number[]) => ({
  invoices: amounts.map((amount, nth) => [`A-${nth + 1}`, amount] as const),
  patience: "1h",
});
const paid = ({ outside }: { readonly outside: Outside }): unknown[] =>
  outside.effects.applied.flatMap(({ name, detail }) => (name === "pay" ? [detail] : []));

describe("the agent", () => {
  it("asks about two payments at once, and each gets its own answer", async () => {
    await using sim = await simulated();
    const run = await sim.start(agent(sim.outside), task(5_000, 7_000, 10));
    await run.reject("pay-A-2", { by: "Ada", comment: "too much" });
    await run.approve("pay-A-1", { by: "Grace" });
    expect(await run.result()).toBe(
      "A-1 paid, approved by Grace; A-2 not paid, Ada: too much; A-3 paid",
    );
    expect(paid(sim).toSorted()).toEqual(["A-1", "A-3"]);
  });

  it("asks a second time for the same payment, and waits for that answer", async () => {
    await using sim = await simulated();
    const run = await sim.start(agent(sim.outside), task(50_000));
    await run.approve("pay-A-1", { by: "Grace" });
    await sim.advance("10m");
    expect((await run.explain()).waits).toMatchObject([
      { kind: "approval", what: expect.stringContaining("really pay 50000") as string },
    ]);
    expect(paid(sim)).toEqual([]);
    await run.approve("again-A-1", { by: "Ada" });
    expect(await run.result()).toBe("A-1 paid, approved by Grace and Ada");
  });

  it("escalates when nobody decides in time", async () => {
    await using sim = await simulated();
    const run = await sim.start(agent(sim.outside), task(5_000));
    const began = sim.now();
    expect(await run.result()).toBe("A-1 escalated");
    expect(sim.now() - began).toBe(3_600_000);
  });

  it("is resumed after its process died, and asks the model nothing again", async () => {
    await using sim = await simulated();
    const run = await sim.start(agent(sim.outside), task(5_000));
    await sim.advance("10m");
    for (let death = 0; death < 3; death++) await sim.crash();
    await run.approve("pay-A-1", { by: "Grace" });
    expect(await run.result()).toBe("A-1 paid, approved by Grace");
    expect(sim.outside.effects.applied.filter(({ name }) => name === "think")).toHaveLength(2);
    expect(sim.executions.filter(({ step }) => step?.startsWith("think"))).toHaveLength(2);
  });

  it("streams what the model says; who reads along goes on behind the last token", async () => {
    await using sim = await simulated();
    const { id } = await sim.start(agent(sim.outside), task(10));
    const tokens: unknown[] = [];
    let last: RecordedEvent | undefined;
    const read = async (count: number): Promise<void> => {
      const behind = last === undefined ? {} : { after: last };
      const events = sim.client.handle(id).events({ types: ["output.emitted"], ...behind });
      for await (const event of events) {
        const { content } = event;
        if (content.type !== "artifact" || !("json" in content.content)) continue;
        tokens.push(content.content.json);
        last = event;
        if (tokens.length === count) break;
      }
    };
    await read(2);
    await sim.crash();
    await read(8);
    expect(tokens.join(" ")).toBe("I shall pay these invoices that is all");
  });

  it("comes to the same whatever crashes when, and pays nothing twice", async () => {
    const report = await checkWorkflow(agent, {
      inputs: fc.constantFrom(task(10), task(5_000), task(5_000, 20_000)),
      runs: 5,
      signals: [
        { name: "pay-A-1", decision: { approved: true, by: "Grace" }, after: "10m" },
        { name: "pay-A-2", decision: { approved: true, by: "Grace" } },
        { name: "again-A-2", decision: { approved: false, by: "Ada" }, after: "20m" },
      ],
    });
    expect(report.outcomes.completed).toBe(report.lives);
  });

  it("survives any sequence of decisions, waits, crashes, pauses and cancellations", async () => {
    const approvals = { "pay-A-1": ["Grace", "Ada"], "again-A-1": ["Ada"] };
    const commands = fc.commands(runModelCommands({ approvals, longest: "40m" }));
    const property = fc.asyncProperty(commands, async (life) => {
      await using runtime = await simulated();
      const run = await runtime.start(agent(runtime.outside), task(50_000), { id: "run" });
      await fc.asyncModelRun(() => ({ model: runModel(), real: { runtime, run } }), life);
    });
    await fc.assert(property, { numRuns: 30 });
  });

  it("can go on with what was recorded in production", async () => {
    // millrace events RUN --json > agent-5000.jsonl
    const file = new URL("histories/agent-5000.jsonl", import.meta.url);
    const lines = (await readFile(file, "utf8")).trim().split("\n");
    const history = lines.map((line) => JSON.parse(line) as RecordedEvent);
    const today = agentWith({ think, pay: async () => undefined });
    const follows = { follows: true, goesOn: true, differences: [] };
    expect(await checkHistory(today, history)).toEqual(follows);
  });
});
