// A thousand evaluations under limits: never too many at once, none done again after a crash, all of them seen.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RecordedEvent } from "../../src/index.ts";
import { checkWorkflow, type Outside, testRuntime } from "../../src/testing.ts";
import { evaluationBy, type Model } from "../batch-evaluation.ts";

const DOWN = "down";

/** Models answer after a second, but for those that are down. */
const evaluations = (outside: Outside, perMinute?: number) =>
  evaluationBy(async (key, { provider, name }) => {
    await outside.sleep("1s");
    if (name === DOWN) throw new Error("no answer");
    await outside.effects.apply("ask", { key, detail: `${provider}/${name}` });
    return name.length;
  }, perMinute);

const workflowsOf = (outside: Outside, perMinute?: number) => {
  const { batch, evaluate } = evaluations(outside, perMinute);
  return [batch, evaluate] as const;
};

const modelsOf = (providers: number, each: number): Model[] =>
  Array.from({ length: providers * each }, (_, nth) => ({
    provider: `p${nth % providers}`,
    name: `m${nth}`,
  }));

/** Most evaluations of one provider that were under way at once, as the log has it. */
function mostAtOnce(events: readonly RecordedEvent[], models: readonly Model[]): number {
  const known = new Map(models.map(({ name, provider }) => [name, provider]));
  const providerOf = new Map<string, string>();
  const now = new Map<string, number>();
  let most = 0;
  for (const event of events) {
    if (event.workflow !== "evaluate") continue;
    if (event.type === "run.created" && "json" in event.input) {
      const { model } = event.input.json as { model: Model };
      expect(known.get(model.name)).toBe(model.provider);
      providerOf.set(event.run, model.provider);
    }
    const provider = providerOf.get(event.run) ?? "";
    if (event.type === "run.admitted") now.set(provider, (now.get(provider) ?? 0) + 1);
    if (event.type === "run.completed") now.set(provider, (now.get(provider) ?? 0) - 1);
    most = Math.max(most, now.get(provider) ?? 0);
  }
  return most;
}

describe("a batch of evaluations", () => {
  it("asks at most three models of a provider at once, and no more than it may in a minute", async () => {
    await using sim = await testRuntime({ workflows: (outside) => workflowsOf(outside, 5) });
    const models = modelsOf(2, 12);
    const run = await sim.start("batch-evaluation", { prompt: "?", models });
    const began = sim.now();
    expect(await run.result()).toMatchObject({ answered: 24, of: 24 });
    expect(mostAtOnce(await sim.events(), models)).toBe(3);
    // Twelve of each provider, five a minute.
    expect(sim.now() - began).toBeGreaterThanOrEqual(2 * 60_000);
    expect(await sim.violations()).toEqual([]);
  });

  it("gathers what failed too", async () => {
    await using sim = await testRuntime({ workflows: (outside) => workflowsOf(outside) });
    const models = [...modelsOf(1, 2), { provider: "p0", name: DOWN }];
    const run = await sim.start("batch-evaluation", { prompt: "?", models });
    expect(await run.result()).toMatchObject({ answered: 2, of: 3 });
  });

  it("of a thousand goes on after a crash, and asks nobody again who has answered", async () => {
    await using sim = await testRuntime({
      workflows: (outside) => workflowsOf(outside, 1_000),
      worker: { steps: 200 },
    });
    const models = modelsOf(50, 20);
    const run = await sim.start("batch-evaluation", { prompt: "?", models });
    await sim.advance("3s");
    const answered = new Set(completed(await sim.events()));
    expect(answered.size).toBeGreaterThan(100);
    expect(answered.size).toBeLessThan(900);
    await sim.crash();
    expect(await run.result()).toMatchObject({ answered: 1_000, of: 1_000 });
    const again = sim.executions.filter(
      ({ run: of, process }) => answered.has(of) && !process.dead,
    );
    expect(again).toEqual([]);
    expect(sim.outside.effects.applied).toHaveLength(1_000);
    expect(mostAtOnce(await sim.events(), models)).toBe(3);
    // Whoever comes late sees every evaluation end.
    const seen: string[] = [];
    const late = { workflow: "evaluate", types: ["run.completed"], live: false } as const;
    for await (const event of sim.client.subscribe(late)) seen.push(event.run);
    expect(new Set(seen).size).toBe(1_000);
  });

  it("comes to the same after a crash at every commit, and asks once", async () => {
    const batches = fc
      .subarray([...modelsOf(2, 1), { provider: "p0", name: DOWN }], { minLength: 1 })
      .map((models) => ({ prompt: "?", models }));
    const report = await checkWorkflow((outside) => workflowsOf(outside), {
      inputs: batches,
      runs: 3,
    });
    expect(report.outcomes.completed).toBe(report.lives);
    expect(report.crashes).toBeGreaterThan(20);
  });
});

/** Steps that have completed are those of evaluations that need not be asked again. */
const completed = (events: readonly RecordedEvent[]): string[] =>
  events.flatMap((event) =>
    event.type === "step.completed" && event.workflow === "evaluate" ? [event.run] : [],
  );
