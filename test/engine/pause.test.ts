/** Pausing, resuming, and the deadline of a run. */
import { describe, expect, it } from "vitest";
import { graph, type Millrace, open, type RecordedEvent, workflow } from "../../src/index.ts";

async function eventsOf(millrace: Millrace, run: string): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const event of millrace.subscribe({ run })) events.push(event);
  return events;
}

const tick = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const chain = graph<number>("chain")
  .step("a", (_, ms) => tick(ms))
  .step("b", { needs: ["a"] }, () => tick(1))
  .step("c", { needs: ["b"] }, () => "done")
  .build();

describe("pause and resume", () => {
  it("what runs may end, nothing new begins, nobody holds the run, and it goes on after", async () => {
    await using millrace = await open({ store: "memory", workflows: [chain], parkAfter: 5 });
    const run = await millrace.start(chain, 40);
    for await (const event of run.events()) if (event.type === "step.started") break;
    await run.pause({ by: "ada", reason: "inspection" });
    for await (const event of run.events()) if (event.type === "run.parked") break;
    const view = await run.get();
    expect(view.status).toBe("paused");
    expect(view.steps.map(({ status }) => status)).toEqual(["completed", "waiting", "waiting"]);
    expect((await millrace.list({ status: "paused" })).map((one) => one.run)).toEqual([run.id]);
    const { waits } = await millrace.explain(run.id);
    expect(waits).toMatchObject([{ kind: "paused", what: "paused by ada: inspection" }]);
    await run.resume({ by: "ada" });
    expect(await run.result()).toBe("done");
    const types = (await eventsOf(millrace, run.id)).map((event) => event.type);
    expect(types.filter((type) => type === "run.paused" || type === "run.resumed")).toEqual([
      "run.paused",
      "run.resumed",
    ]);
  });

  it("a second pause is refused and noted; a paused run can be cancelled", async () => {
    await using millrace = await open({ store: "memory", workflows: [chain], parkAfter: 5 });
    const run = await millrace.start(chain, 30);
    await run.pause();
    await run.pause();
    await run.cancel({ reason: "enough" });
    await expect(run.result()).rejects.toMatchObject({ code: "E_RUN_CANCELLED" });
    const kinds = (await eventsOf(millrace, run.id)).flatMap((event) =>
      event.type === "anomaly.recorded" ? [event.kind] : [],
    );
    expect(kinds).toEqual(["refused-input"]);
  });
});

describe("a run's timeout", () => {
  it("fails the run and stops what it is at", async () => {
    let stopped: unknown;
    const slow = workflow("slow", { timeout: "40ms" }, async (ctx) =>
      ctx.run("wait", (step) => {
        step.signal.addEventListener("abort", () => {
          stopped = step.signal.reason;
        });
        return tick(5_000);
      }),
    );
    await using millrace = await open({ store: "memory", workflows: [slow], stopGrace: 0 });
    const run = await millrace.start(slow);
    await expect(run.result()).rejects.toMatchObject({
      code: "E_RUN_FAILED",
      cause: { name: "E_TIMEOUT" },
    });
    // The result is heard as soon as it is in the log; the host acts on it right after.
    await expect.poll(() => stopped).toMatchObject({ code: "E_RUN_CANCELLED" });
  });

  it("counts while the run sleeps, held by nobody", async () => {
    const sleepy = workflow("sleepy", { timeout: "150ms" }, async (ctx) => ctx.sleep("nap", "1h"));
    await using millrace = await open({ store: "memory", workflows: [sleepy], parkAfter: 5 });
    const run = await millrace.start(sleepy);
    await expect(run.result()).rejects.toMatchObject({ cause: { name: "E_TIMEOUT" } });
    const types = (await eventsOf(millrace, run.id)).map((event) => event.type);
    expect(types).toContain("run.parked");
  });
});
