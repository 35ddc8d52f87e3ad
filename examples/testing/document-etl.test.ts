// A graph with branches under test: crashes, a branch that fails, a part done again, documents of megabytes.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { graph } from "../../src/index.ts";
import { checkWorkflow, type Outside, testRuntime } from "../../src/testing.ts";
import { type Document, documentsWith } from "../document-etl.ts";

const documentsAt = ({ effects }: Outside) =>
  documentsWith({
    put: (document, why, key) => effects.apply("quarantine", { key, detail: { document, why } }),
  });

const documents: fc.Arbitrary<Document> = fc.record({
  name: fc.constant("a.pdf"),
  text: fc.option(fc.lorem({ maxCount: 5 })),
});

describe("the document graph", () => {
  it("comes to the same, and sets aside once, whatever crashes when", async () => {
    const report = await checkWorkflow(documentsAt, { inputs: documents, runs: 6 });
    expect(report.outcomes.completed).toBe(report.lives);
    expect(report.crashes).toBeGreaterThan(20);
  });

  it("does a part again and keeps what it does not depend on", async () => {
    await using sim = await testRuntime({ workflows: (outside) => [documentsAt(outside)] });
    const definition = documentsAt(sim.outside);
    const run = await sim.start(definition, { name: "a.pdf", text: "invoice for widgets" });
    const result = await run.result();
    const again = sim.run((await sim.client.rerun(run.id, { from: "summarise" })).id);
    expect(await again.result()).toEqual(result);
    const begun = (await again.events()).flatMap((one) =>
      one.type === "step.started" ? one.step : [],
    );
    expect(begun).toEqual(["summarise", "format"]);
    const { outputs } = sim.client.stores;
    const text = await outputs.getLatestByNameInRun(again.id, 1, "extract");
    expect(text.event).toMatchObject({ type: "artifact", name: "text" });
  });

  it("hands a document of 5 MB on by reference", async () => {
    await using sim = await testRuntime({ workflows: (outside) => [documentsAt(outside)] });
    const text = "invoice widgets ".repeat(330_000);
    const run = await sim.start(documentsAt(sim.outside), { name: "large.pdf", text });
    expect((await run.result()) as object).toMatchObject({ summary: "660000 words" });
    for (const event of await run.events()) {
      expect(JSON.stringify(event).length).toBeLessThan(100_000);
    }
  });

  it("starts what follows as soon as its own needs are there, and keeps siblings of what fails", async () => {
    const started: string[] = [];
    const flow = ({ sleep }: Outside) =>
      graph<null>("branches", { onFailure: "continue" })
        .step("quick", () => "quick")
        .step("slow", async (ctx) => {
          await sleep("1h", ctx.signal);
          return "slow";
        })
        .step("broken", { retry: { maxAttempts: 1 } }, () => {
          throw new Error("broken");
        })
        .step("after-quick", { needs: ["quick"] }, (_ctx, { quick }) => {
          started.push(`after ${quick}`);
          return quick;
        })
        .step("after-slow", { needs: ["slow"] }, (_ctx, { slow }) => {
          started.push(`after ${slow}`);
          return slow;
        })
        .build();
    await using sim = await testRuntime({ workflows: (outside) => [flow(outside)] });
    const run = await sim.start(flow(sim.outside), null);
    expect(started).toEqual(["after quick"]);
    await sim.idle();
    const { status, steps } = await sim.client.get(run.id);
    expect(status).toBe("failed");
    expect(steps.map(({ step, status: of }) => `${step} ${of}`)).toEqual([
      "quick completed",
      "slow completed",
      "broken failed",
      "after-quick completed",
      "after-slow completed",
    ]);
  });
});
