/**
 * Runs that a workflow drives, seen and written to through the stores; and the two kinds beside
 * each other.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { Journal } from "../../src/engine/reading/journal.ts";
import { openFrame } from "../../src/events/frame.ts";
import { deferred } from "../../src/kernel/async.ts";
import { type Millrace, open } from "../../src/runtime/open.ts";
import { CheckpointStore } from "../../src/stores/checkpoint-store.ts";
import { StepRunStore } from "../../src/stores/step-run-store.ts";
import { workflow } from "../../src/workflow/code.ts";
import { graph } from "../../src/workflow/graph.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { type EnginePlace, places } from "./places.ts";

const url = sharedNatsServer();

const orders = workflow("orders", async (ctx, input: number) => {
  const load = await ctx.run("load", () => input + 1);
  return ctx.run("bill", () => load * 2);
});

/** The step events of a run, without what differs by who drives it and when. */
async function stepsInLog(engine: Engine, run: string): Promise<unknown[]> {
  const steps: unknown[] = [];
  for await (const stored of engine.store.log.read({ run })) {
    for (const event of openFrame(run, stored.bytes, engine.codecs).frame.events) {
      if (!event.type.startsWith("step.")) continue;
      const { type, step, attempt, output } = event as unknown as Record<string, unknown>;
      steps.push({ type, step, attempt, output });
    }
  }
  return steps;
}

describe.each(places(url))("runs of both kinds on %s", (_name, makePlace) => {
  let place: EnginePlace;
  let engine: Engine;
  let steps: StepRunStore;
  let checkpoints: CheckpointStore;
  let worker: Millrace | undefined;
  beforeEach(async () => {
    place = await makePlace();
    engine = await place.open("looking-on");
    const journal = new Journal(engine);
    steps = new StepRunStore(engine, journal);
    checkpoints = new CheckpointStore(engine, journal);
  });
  afterEach(async () => {
    await worker?.close();
    worker = undefined;
    await place.destroy();
  });

  it("a run driven by hand has the same step events as one that its workflow drives", async () => {
    worker = await open({ store: (await place.open("worker")).store, workflows: [orders] });
    await (await worker.start(orders, 1, { id: "hosted" })).result();
    await steps.createRun("by-hand", { workflow: "orders", input: 1 });
    for (const [step, output] of [
      ["load", 2],
      ["bill", 4],
    ] as const) {
      const begun = await steps.beginStep("by-hand", step);
      if (!begun.execute) throw new Error("nobody else is there");
      await steps.completeStep(begun.stepRun.id, begun.fence, output);
    }
    await checkpoints.updateRunStatus("by-hand", "completed", { output: 4 });
    expect(await stepsInLog(engine, "by-hand")).toEqual(await stepsInLog(engine, "hosted"));
    expect(await worker.result("by-hand")).toBe(4);
    const [one, other] = await Promise.all([worker.get("by-hand"), worker.get("hosted")]);
    expect(one.steps.map(({ step, status }) => [step, status])).toEqual(
      other.steps.map(({ step, status }) => [step, status]),
    );
  });

  it("a hosted run is read like any other, and cannot be driven", async () => {
    const gate = deferred<void>();
    const flow = graph("flow")
      .step("first", () => ({ n: 1 }))
      .step("second", { needs: ["first"] }, async () => gate.promise)
      .step("third", { needs: ["second"] }, () => "end")
      .build();
    worker = await open({ store: (await place.open("worker")).store, workflows: [flow] });
    const handle = await worker.start(flow, undefined, { id: "r" });
    await expect.poll(() => steps.completedSteps("r")).toEqual(["first"]);
    await expect
      .poll(async () => [...(await steps.stepStatuses("r", { view: "declared" }))])
      .toEqual([
        ["first", "completed"],
        ["second", "running"],
        ["third", "waiting"],
      ]);
    expect(await steps.getStepRun("r", "first")).toMatchObject({
      status: "completed",
      input: null,
      output: { n: 1 },
      attempt: 1,
    });
    const drives = [
      () => steps.scheduleStep("r", "third"),
      () => steps.beginStep("r", "second"),
      () => steps.completeStep("r/second", 1),
      () => steps.failStep("r/second", 1, "no"),
      () => checkpoints.updateRunStatus("r", "completed"),
    ];
    for (const drive of drives)
      await expect(drive()).rejects.toMatchObject({ code: "E_COMMAND_REFUSED" });
    // What others note about the run does not keep its host from going on.
    expect(await checkpoints.saveCheckpoint("r", "watcher", Uint8Array.of(1))).toMatchObject({
      seq: 1,
    });
    expect(await checkpoints.appendEvent("r", { type: "seen" })).toBe(1);
    expect(await checkpoints.getRun("r")).toMatchObject({ status: "running", latestEvent: 1 });
    gate.resolve();
    expect(await handle.result()).toBe("end");
    expect(await checkpoints.getRun("r")).toMatchObject({ status: "completed" });
    expect(await steps.completedOutputs("r")).toEqual([{ n: 1 }, null, "end"]);
  });

  it("checkpoints and notes of steps are in the same sequences as those of the store", async () => {
    const flow = workflow("flow", async (ctx) =>
      ctx.run("step", async (step) => {
        await step.checkpoint({ page: 1 }, { kind: "json" });
        await step.note("seen", { page: 1 });
        return step.checkpoint("x".repeat(100_000));
      }),
    );
    worker = await open({ store: (await place.open("worker")).store, workflows: [flow] });
    await (await worker.start(flow, undefined, { id: "r" })).result();
    await checkpoints.saveCheckpoint("r", "step", Uint8Array.of(7));
    await checkpoints.appendEvent("r", { type: "after", node: "step" });
    const states = await Promise.all(
      [1, 2, 3].map(async (seq) => (await checkpoints.loadCheckpointAt("r", "step", seq))?.state),
    );
    expect(Buffer.from(states[0] ?? []).toString()).toBe('{"page":1}');
    expect(states[1]?.length).toBe(100_002);
    expect([...(states[2] ?? [])]).toEqual([7]);
    const metas = await checkpoints.listCheckpoints("r");
    expect(metas.map(({ stateSize }) => stateSize)).toEqual([10, 100_002, 1]);
    expect(metas[0]?.metadata).toEqual({ kind: "json" });
    expect(await checkpoints.getEvents("r")).toMatchObject([
      { seq: 1, type: "seen", node: "step", payload: { page: 1 } },
      { seq: 2, type: "after", node: "step", payload: null },
    ]);
  });
});
