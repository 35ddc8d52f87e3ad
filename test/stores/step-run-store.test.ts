/**
 * The step-run store: acceptance tests of reference/seeds.md §2.7, by number, and our own choices.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { Journal } from "../../src/engine/reading/journal.ts";
import { openFrame } from "../../src/events/frame.ts";
import type { MillraceEvent } from "../../src/events/vocabulary.ts";
import { limits } from "../../src/kernel/limits.ts";
import { CheckpointStore } from "../../src/stores/checkpoint-store.ts";
import { type BeginResult, StepRunStore } from "../../src/stores/step-run-store.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { type EnginePlace, places } from "./places.ts";

const url = sharedNatsServer();

async function eventsOf(engine: Engine, run: string): Promise<MillraceEvent[]> {
  const events: MillraceEvent[] = [];
  for await (const stored of engine.store.log.read({ run })) {
    events.push(...openFrame(run, stored.bytes, engine.codecs).frame.events);
  }
  return events;
}

/** The fence of a claim that must have been won. */
function fenceOf(begun: BeginResult): number {
  if (!begun.execute) throw new Error(`the step is ${begun.stepRun.status}`);
  return begun.fence;
}

describe.each(places(url))("step-run store on %s", (_name, makePlace) => {
  let place: EnginePlace;
  let engine: Engine;
  let store: StepRunStore;
  beforeEach(async () => {
    place = await makePlace();
    engine = await place.open("node-1");
    store = new StepRunStore(engine, new Journal(engine));
    await store.createRun("r", { workflow: "invoices", steps: ["load", "bill", "mail"] });
  });
  afterEach(() => place.destroy());

  const peer = async (node: string): Promise<StepRunStore> => {
    const other = await place.open(node);
    return new StepRunStore(other, new Journal(other));
  };
  const finish = async (step: string, output: unknown, by = store): Promise<void> => {
    const begun = await by.beginStep("r", step);
    await by.completeStep(begun.stepRun.id, fenceOf(begun), output);
  };

  it("1: of four concurrent begins one executes, also over processes", async () => {
    const stores = [store, store, await peer("node-2"), await peer("node-3")];
    const begun = await Promise.all(stores.map((one) => one.beginStep("r", "load")));
    expect(begun.filter(({ execute }) => execute)).toHaveLength(1);
    expect(new Set(begun.map(({ stepRun }) => stepRun.id))).toEqual(new Set(["r/load"]));
    expect(new Set(begun.map(({ stepRun }) => stepRun.attempt))).toEqual(new Set([1]));
    expect([...(await store.stepStatuses("r"))]).toEqual([["load", "running"]]);
  });

  it("2: schedule, schedule again, begin, begin again", async () => {
    const first = await store.scheduleStep("r", "load", { n: 1 });
    expect(first).toMatchObject({ schedule: true, stepRun: { status: "pending", attempt: 0 } });
    const again = await store.scheduleStep("r", "load", { n: 2 });
    expect(again).toEqual({ schedule: false, stepRun: first.stepRun });
    await engine.world.clock.turn();
    const begun = await store.beginStep("r", "load");
    expect(begun).toMatchObject({ execute: true, fence: 1, stepRun: { status: "running" } });
    expect(begun.stepRun.id).toBe(first.stepRun.id);
    expect(begun.stepRun.insertedAt).toBe(first.stepRun.insertedAt);
    expect(begun.stepRun.updatedAt).toBeGreaterThanOrEqual(first.stepRun.updatedAt);
    const skipped = await store.beginStep("r", "load");
    expect(skipped).toEqual({ execute: false, stepRun: begun.stepRun });
  });

  it("3: a pending step keeps the scheduled input, a failed one takes the new one", async () => {
    await store.scheduleStep("r", "load", { given: "scheduled" });
    const begun = await store.beginStep("r", "load", { given: "ignored" });
    expect(begun.stepRun.input).toEqual({ given: "scheduled" });
    await store.failStep(begun.stepRun.id, fenceOf(begun), { message: "no" });
    const retried = await store.beginStep("r", "load", { given: "new" });
    expect(retried).toMatchObject({ execute: true, fence: 2 });
    expect(retried.stepRun.input).toEqual({ given: "new" });
    expect((await store.getStepRun("r", "load"))?.input).toEqual({ given: "new" });
  });

  it("4: a failed step is not scheduled again; begun, its error is cleared", async () => {
    const begun = await store.beginStep("r", "load");
    const failed = await store.failStep(begun.stepRun.id, fenceOf(begun), new Error("boom"));
    expect(failed).toMatchObject({ status: "failed", lastError: { message: "boom" } });
    const scheduled = await store.scheduleStep("r", "load", { other: true });
    expect(scheduled).toMatchObject({ schedule: false, stepRun: { status: "failed" } });
    const retried = await store.beginStep("r", "load");
    expect(retried).toMatchObject({
      execute: true,
      stepRun: { status: "running", output: null, lastError: null },
    });
  });

  it("5: an unknown step run is not found; the first completion stays", async () => {
    for (const id of ["r/nothing", "gone/load", "no id", ""]) {
      const report = store.completeStep(id, 1, {});
      await expect(report).rejects.toMatchObject({
        code: id.startsWith("gone") ? "E_RUN_NOT_FOUND" : "E_STEP_NOT_FOUND",
      });
    }
    const begun = await store.beginStep("r", "bill");
    await store.completeStep("r/bill", fenceOf(begun), { id: "inv_456" });
    const again = await store.completeStep("r/bill", fenceOf(begun), { id: "inv_456" });
    expect(again.output).toEqual({ id: "inv_456" });
    const other = store.completeStep("r/bill", fenceOf(begun), { id: "inv_999" });
    await expect(other).rejects.toMatchObject({ code: "E_STALE_STEP" });
    expect((await store.getStepRun("r", "bill"))?.output).toEqual({ id: "inv_456" });
    const kinds = (await eventsOf(engine, "r")).map(({ type }) => type);
    expect(kinds.filter((type) => type === "step.completed")).toHaveLength(1);
    expect(kinds.filter((type) => type === "anomaly.recorded")).toHaveLength(1);
  });

  it("6: failing keeps what was put out; completing clears the last error", async () => {
    const begun = await store.beginStep("r", "bill");
    await store.failStep("r/bill", fenceOf(begun), "first try");
    const retried = await store.beginStep("r", "bill");
    const completed = await store.completeStep("r/bill", fenceOf(retried), { ok: true });
    expect(completed).toMatchObject({ status: "completed", lastError: null });
    const late = store.failStep("r/bill", fenceOf(retried), "too late");
    await expect(late).rejects.toMatchObject({ code: "E_STALE_STEP" });
    const row = await store.getStepRun("r", "bill");
    expect(row).toMatchObject({ status: "completed", output: { ok: true }, lastError: null });
  });

  it("7: completed steps and outputs come in the order of completion", async () => {
    await store.scheduleStep("r", "load");
    await store.scheduleStep("r", "bill");
    const load = await store.beginStep("r", "load");
    await finish("bill", { by: "bill" });
    await store.completeStep("r/load", fenceOf(load), undefined);
    expect(await store.completedSteps("r")).toEqual(["bill", "load"]);
    expect(await store.completedOutputs("r")).toEqual([{ by: "bill" }, null]);
    const other = await peer("node-2");
    expect(await other.completedSteps("r")).toEqual(["bill", "load"]);
    expect(await other.completedSteps("unknown")).toEqual([]);
    expect(await other.completedOutputs("unknown")).toEqual([]);
  });

  it("8: both views of the statuses", async () => {
    expect((await store.stepStatuses("unknown")).size).toBe(0);
    expect((await store.stepStatuses("unknown", { view: "declared" })).size).toBe(0);
    await finish("extra", 1);
    await store.scheduleStep("r", "bill");
    expect([...(await store.stepStatuses("r"))]).toEqual([
      ["extra", "completed"],
      ["bill", "pending"],
    ]);
    expect([...(await store.stepStatuses("r", { view: "declared" }))]).toEqual([
      ["load", "waiting"],
      ["bill", "pending"],
      ["mail", "waiting"],
      ["extra", "completed"],
    ]);
  });

  it("11: a step that completes after its run has failed is completed, the run is as it was", async () => {
    const runs = new CheckpointStore(engine, new Journal(engine));
    const late = await store.beginStep("r", "load");
    await runs.updateRunStatus("r", "failed", { error: new Error("sibling failed") });
    const before = await runs.getRun("r");
    await store.completeStep("r/load", fenceOf(late), { late: true });
    expect(await runs.getRun("r")).toEqual(before);
    expect(await store.completedSteps("r")).toEqual(["load"]);
    for (const call of ["scheduleStep", "beginStep"] as const)
      await expect(store[call]("r", "mail")).rejects.toMatchObject({
        code: "E_COMMAND_REFUSED",
      });
    expect(await store.getStepRun("r", "mail")).toBeUndefined();
  });

  it("12: a scheduled step runs with the input of then, whatever has completed since", async () => {
    const input = { seen: ["load"] };
    await store.scheduleStep("r", "mail", input);
    input.seen.push("changed by the caller");
    await finish("bill", { total: 7 });
    expect((await store.beginStep("r", "mail")).stepRun.input).toEqual({ seen: ["load"] });
  });

  it("15: a claim whose lease ran out is taken over, and its first owner is fenced", async () => {
    let now = 1_000_000;
    const clock = { ...engine.world.clock, now: () => now };
    const timed = { ...engine, world: { ...engine.world, clock } };
    const leased = new StepRunStore(timed, new Journal(timed), { lease: "30s", owner: "first" });
    const first = await leased.beginStep("r", "load", { n: 1 });
    expect(first.stepRun).toMatchObject({ owner: "first", leaseUntil: now + 30_000 });
    now += 29_999;
    expect((await leased.beginStep("r", "load")).execute).toBe(false);
    now += 1;
    const claims = await Promise.all(
      ["second", "third"].map((owner) => leased.beginStep("r", "load", { n: 2 }, { owner })),
    );
    expect(claims.map(({ execute }) => execute).sort()).toEqual([false, true]);
    const second = claims.find(({ execute }) => execute) as BeginResult;
    expect(fenceOf(second)).toBe(2);
    expect(second.stepRun.input).toEqual({ n: 1 });
    const late = leased.completeStep("r/load", fenceOf(first), "of the first");
    await expect(late).rejects.toMatchObject({ code: "E_STALE_STEP", details: { attempt: 2 } });
    await leased.completeStep("r/load", fenceOf(second), "of the second");
    expect(await leased.completedOutputs("r")).toEqual(["of the second"]);
    const events = await eventsOf(engine, "r");
    expect(events.filter(({ type }) => type === "step.started")).toHaveLength(2);
    expect(events).toContainEqual(
      expect.objectContaining({ type: "anomaly.recorded", kind: "stale-step", step: "load" }),
    );
  });

  it("17: nothing is kept but the log: a process that knows nothing sees the same", async () => {
    await finish("load", { n: 1 });
    const begun = await store.beginStep("r", "bill", [1, 2]);
    await store.failStep("r/bill", fenceOf(begun), { code: "E_CARD", message: "declined" });
    await store.scheduleStep("r", "mail", "x");
    const other = await peer("node-2");
    for (const step of ["load", "bill", "mail", "none"])
      expect(await other.getStepRun("r", step)).toEqual(await store.getStepRun("r", step));
    expect(await other.getStepRun("r", "bill")).toMatchObject({
      lastError: { code: "E_CARD", message: "declined" },
    });
  });

  it("20: the same run again is the same run; with other content it is refused", async () => {
    const begun = { workflow: "invoices", steps: ["load", "bill", "mail"] };
    await (await peer("node-2")).createRun("r", begun);
    for (const other of [
      { ...begun, input: 1 },
      { ...begun, steps: ["load"] },
      { ...begun, workflow: "x" },
    ])
      await expect(store.createRun("r", other)).rejects.toMatchObject({ code: "E_RUN_CONFLICT" });
    expect(await eventsOf(engine, "r")).toHaveLength(3);
  });

  it("the last attempt fails for good", async () => {
    const options = { maxAttempts: 2 };
    for (const fence of [1, 2]) {
      const begun = await store.beginStep("r", "load", null, options);
      expect(fenceOf(begun)).toBe(fence);
      await store.failStep("r/load", fence, `try ${fence}`);
    }
    const begun = await store.beginStep("r", "load", null, options);
    expect(begun).toMatchObject({
      execute: false,
      stepRun: { status: "failed", attempt: 2, lastError: { message: "try 2" } },
    });
    for (const maxAttempts of [0, 1.5, limits.attemptsMax + 1]) {
      const call = store.scheduleStep("r", "bill", null, { maxAttempts });
      await expect(call).rejects.toMatchObject({ code: "E_OPTION_INVALID" });
    }
  });

  it("nothing begins while the run is paused, and cancelling stops what runs", async () => {
    const runs = new CheckpointStore(engine, new Journal(engine));
    const running = await store.beginStep("r", "load");
    await runs.updateRunStatus("r", "paused");
    await expect(store.beginStep("r", "bill")).rejects.toMatchObject({
      code: "E_COMMAND_REFUSED",
      details: { status: "paused" },
    });
    await runs.updateRunStatus("r", "running");
    await store.scheduleStep("r", "bill");
    await runs.updateRunStatus("r", "cancelled", { reason: "no longer needed" });
    expect([...(await store.stepStatuses("r"))]).toEqual([
      ["load", "cancelled"],
      ["bill", "cancelled"],
    ]);
    const late = store.completeStep("r/load", fenceOf(running), "late");
    await expect(late).rejects.toMatchObject({ code: "E_STALE_STEP" });
    expect((await store.beginStep("r", "bill")).execute).toBe(false);
  });

  it("refuses names and values that cannot be recorded", async () => {
    for (const step of ["", "a b", "a/b", "a[0]", "*"])
      await expect(store.beginStep("r", step)).rejects.toMatchObject({ code: "E_ID_INVALID" });
    await expect(store.beginStep("r", "load", new Map())).rejects.toMatchObject({
      code: "E_NOT_JSON",
    });
    await expect(store.beginStep("none", "load")).rejects.toMatchObject({
      code: "E_RUN_NOT_FOUND",
    });
  });

  it("large values go through the blob store", async () => {
    const large = { text: "x".repeat(limits.valueInlineBytesMax * 2) };
    const begun = await store.beginStep("r", "load", large);
    expect(begun.stepRun.input).toEqual(large);
    await store.completeStep("r/load", fenceOf(begun), [large]);
    expect(await (await peer("node-2")).completedOutputs("r")).toEqual([[large]]);
  });
});
