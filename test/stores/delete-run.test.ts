/** Deleting a run: test 11 of reference/seeds.md §3.4, and every place that could keep a trace. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { Journal } from "../../src/engine/reading/journal.ts";
import { Projector, viewKey } from "../../src/engine/reading/projector.ts";
import { encodeInput } from "../../src/engine/turn/input.ts";
import { pause } from "../../src/kernel/clock.ts";
import { digest } from "../../src/kernel/json.ts";
import { limits } from "../../src/kernel/limits.ts";
import { runSummary } from "../../src/projections/run-summary.ts";
import { open } from "../../src/runtime/open.ts";
import { CheckpointStore } from "../../src/stores/checkpoint-store.ts";
import { StepRunStore } from "../../src/stores/step-run-store.ts";
import { workflow } from "../../src/workflow/code.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { type EnginePlace, places } from "./places.ts";

const url = sharedNatsServer();
const large = (fill: number): Uint8Array =>
  new Uint8Array(limits.valueInlineBytesMax * 2).fill(fill);

interface Process {
  readonly engine: Engine;
  readonly store: CheckpointStore;
  readonly summaries: Projector<ReturnType<typeof runSummary.initial>>;
}

async function processOf(place: EnginePlace, node: string): Promise<Process> {
  const engine = await place.open(node);
  const summaries = new Projector(engine, runSummary);
  const store = new CheckpointStore(engine, new Journal(engine), { views: [summaries] });
  return { engine, store, summaries };
}

/** Runs of `flow` that can be claimed within a moment. */
async function claimable({ store, world }: Engine): Promise<string[]> {
  const stop = new AbortController();
  const claiming = store.queue.claim({ workflows: ["flow"], max: 10, signal: stop.signal });
  await pause(world.clock, 500);
  stop.abort();
  return (await claiming).map(({ ticket }) => ticket.run);
}

describe.each(places(url))("deleteRun on %s", (_name, makePlace) => {
  let place: EnginePlace;
  let here: Process;
  let there: Process;
  beforeEach(async () => {
    place = await makePlace();
    here = await processOf(place, "node-1");
    there = await processOf(place, "node-2");
  });
  afterEach(() => place.destroy());

  it("11: true, then false; nothing is left, nothing else is touched, and it begins anew", async () => {
    const { store } = here;
    for (const run of ["r", "other"]) {
      await store.createRun(run, "flow", { secret: run });
      await store.saveCheckpoint(run, "A", new TextEncoder().encode(run));
      await store.appendEvent(run, { type: "e" });
    }
    await there.store.getRun("r");
    expect(await there.summaries.current()).toHaveProperty("size", 2);
    expect(await store.deleteRun("r")).toBe(true);
    expect(await store.deleteRun("r")).toBe(false);
    expect(await store.deleteRun("never")).toBe(false);
    for (const { store: one, summaries } of [here, there]) {
      expect(await one.getRun("r")).toBeUndefined();
      expect(await one.loadCheckpoint("r", "A")).toBeUndefined();
      expect(await one.listCheckpoints("r")).toEqual([]);
      expect(await one.getEvents("r")).toEqual([]);
      expect(await one.getRun("other")).toMatchObject({ latestCheckpoint: 1, latestEvent: 1 });
      expect([...(await summaries.current()).keys()]).toEqual(["other"]);
    }
    const anew = await there.store.createRun("r", "flow2");
    expect(anew).toMatchObject({ workflow: "flow2", latestCheckpoint: 0, latestEvent: 0 });
    expect(await store.saveCheckpoint("r", "B", new Uint8Array(1))).toMatchObject({ seq: 1 });
    expect(await there.store.appendEvent("r", { type: "new" })).toBe(1);
    expect(await store.loadCheckpoint("r", "A")).toBeUndefined();
    for (const { summaries } of [here, there]) {
      const summary = (await summaries.current()).get("r");
      expect(summary).toMatchObject({ workflow: "flow2", status: "parked", seq: 5 });
    }
    const steps = new StepRunStore(here.engine, new Journal(here.engine));
    expect((await steps.beginStep("r", "first")).execute).toBe(true);
  });

  it("deletes the blobs that only this run refers to", async () => {
    const { store, engine } = here;
    const { blobs } = engine.store;
    for (const run of ["r", "other"]) await store.createRun(run, "flow");
    await store.saveCheckpoint("r", "A", large(1));
    await store.saveCheckpoint("r", "A", large(2));
    await there.store.saveCheckpoint("other", "A", large(2));
    await store.appendEvent("r", { type: "e", payload: "y".repeat(limits.valueInlineBytesMax) });
    const payload = digest(JSON.stringify("y".repeat(limits.valueInlineBytesMax)));
    for (const blob of [digest(large(1)), digest(large(2)), payload])
      expect(await blobs.has(blob)).toBe(true);
    await store.deleteRun("r");
    expect(await blobs.has(digest(large(1)))).toBe(false);
    expect(await blobs.has(payload)).toBe(false);
    const kept = await store.loadCheckpoint("other", "A");
    expect(Buffer.compare(kept?.state ?? new Uint8Array(), large(2))).toBe(0);
    await there.store.deleteRun("other");
    expect(await blobs.has(digest(large(2)))).toBe(false);
  });

  it("leaves no ticket, no timer and no input", async () => {
    const { store, engine } = here;
    const { queue, inbox } = engine.store;
    for (const run of ["a", "b", "c"]) {
      await store.createRun(run, "flow");
      await inbox.post(
        run,
        encodeInput({ kind: "cancel", id: "c1", by: "someone", reason: "any" }),
      );
    }
    await queue.offer({ workflow: "flow", run: "a" });
    await queue.offer({ workflow: "flow", run: "b" }, engine.world.clock.now() + 300);
    await queue.offer({ workflow: "flow", run: "c" });
    for (const run of ["a", "b"]) await store.deleteRun(run);
    expect(await inbox.read("a", 0)).toEqual([]);
    expect(await inbox.read("c", 0)).toHaveLength(1);
    expect(await claimable(there.engine)).toEqual(["c"]);
  });

  it("leaves nothing in saved views", async () => {
    const { store, summaries, engine } = here;
    for (const run of ["secret-run", "other"]) await store.createRun(run, "flow");
    await summaries.current();
    await summaries.save(true);
    const saved = async (): Promise<string> => {
      const view = await engine.store.views.load(viewKey(runSummary));
      return Buffer.from(view?.bytes ?? []).toString();
    };
    expect(await saved()).toContain("secret-run");
    await there.store.deleteRun("secret-run");
    expect(await saved()).toContain("other");
    expect(await saved()).not.toContain("secret-run");
  });

  it("deletes a run whose log is damaged, and one that another process has in memory", async () => {
    const { store, engine } = here;
    const created = await store.createRun("r", "flow");
    await there.store.getRun("r");
    const expected = await engine.store.log.head("r");
    const bytes = new TextEncoder().encode("no frame");
    await engine.store.log.append({ workflow: "flow", run: "r", expected, bytes });
    await expect(store.getRun("r")).rejects.toMatchObject({ code: "E_FRAME_INVALID" });
    expect(await there.store.deleteRun("r")).toBe(true);
    const anew = await store.createRun("r", "flow");
    expect(anew).toEqual({
      ...created,
      createdAt: anew.createdAt,
      updatedAt: anew.updatedAt,
    });
  });

  it("refuses an erased id to client.start, and a run begun anew is another one", async () => {
    const flow = workflow("flow", async () => 1);
    const { store } = here;
    await store.createRun("r", "flow");
    await store.deleteRun("r");
    const millrace = await open({ store: here.engine.store, workflows: [flow], worker: false });
    const start = millrace.start(flow, undefined, { id: "r" });
    await expect(start).rejects.toMatchObject({ code: "E_RUN_ERASED" });
    await store.createRun("r", "flow");
    const again = millrace.start(flow, undefined, { id: "r" });
    await expect(again).rejects.toMatchObject({ code: "E_RUN_CONFLICT" });
  });
});
