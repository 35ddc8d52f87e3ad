/** Rebuilding the saved projections from the log, and telling whether a saved copy was true. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ScheduleSpec } from "../../machines/schedule-data.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { Projector, viewKey } from "../../src/engine/reading/projector.ts";
import { type RebuildProgress, rebuild } from "../../src/engine/reading/rebuild.ts";
import { Schedules } from "../../src/engine/records/schedules.ts";
import { outputIndex } from "../../src/projections/output-index.ts";
import { runSummary } from "../../src/projections/run-summary.ts";
import { savedProjections } from "../../src/projections/saved.ts";
import { beginDriven } from "../../src/stores/driven-run.ts";
import { type StoreNode, storeNode } from "../stores/outputs-kit.ts";
import { type EnginePlace, places } from "../stores/places.ts";
import { sharedNatsServer } from "../support/nats-server.ts";

const big = "x".repeat(100_000);

const spec: ScheduleSpec = {
  workflow: "flow",
  everyMs: 1_000,
  overlap: "skip",
  catchUp: { withinMs: 0, limit: 0 },
  jitterMs: 0,
  labels: {},
};

/** Outputs, a blob that two runs share, results, an erased run, one that began anew, and a schedule. */
async function live(node: StoreNode): Promise<void> {
  const { engine, journal, outputs, results } = node;
  const first = await outputs.append("r1", 1, "a", { type: "progress", stage: "one" });
  await outputs.append("r2", 1, "b", { type: "partial", chunk: big }, [first]);
  await outputs.append("r5", 1, "b", { type: "partial", chunk: `${big}y` });
  await outputs.append("r3", 1, "b", { type: "partial", chunk: big }, [first]);
  await results.store("r4", "x", { n: 1 });
  await new Schedules(engine).write(
    "often",
    (draft) => void draft.order({ type: "cmd.declare", now: draft.now, by: "b", spec }),
    () => undefined,
  );
  await saveAll(engine);
  await engine.store.log.erase("r2");
  await beginDriven(journal, engine, "r2", { workflow: "flow" });
  await outputs.append("r2", 1, "a", { type: "progress", stage: "anew" }, [first]);
  await engine.store.log.erase("r4");
}

async function saveAll(engine: Engine): Promise<void> {
  for (const projection of savedProjections) {
    const projector = new Projector(engine, projection);
    await projector.current();
    await projector.save(true);
  }
}

const url = sharedNatsServer();

describe.each(places(url))("rebuild on %s", (_name, makePlace) => {
  let place: EnginePlace;
  let engine: Engine;
  const states = async (verify = true): Promise<(readonly [string, string])[]> =>
    (await rebuild(engine, savedProjections, { verify })).map(({ name, saved }) => [name, saved]);
  const all = (state: string): (readonly [string, string])[] =>
    savedProjections.map(({ name }) => [name, state]);
  const copies = (): Promise<unknown[]> =>
    Promise.all(savedProjections.map((one) => engine.store.views.load(viewKey(one))));

  beforeEach(async () => {
    place = await makePlace();
    engine = await place.open("node-1");
  });
  afterEach(() => place.destroy());

  it("of an empty log gives empty projections", async () => {
    expect(await states()).toEqual(all("none"));
    expect(await states()).toEqual(all("same"));
  });

  it("gives what was folded as it came, also when runs were erased meanwhile", async () => {
    await live(storeNode(engine));
    expect(await states()).toEqual(all("same"));
    const once = await copies();
    expect(await states()).toEqual(all("same"));
    expect(await copies()).toEqual(once);
    await saveAll(engine);
    expect(await copies()).toEqual(once);
  });

  it("finds the copy that is not true, and puts a true one in its place", async () => {
    await live(storeNode(engine));
    await states(false);
    const key = viewKey(outputIndex);
    const view = await engine.store.views.load(key);
    const forged = Buffer.from(view?.bytes ?? "")
      .toString()
      .replace('"progress"', '"partial"');
    const position = view?.position ?? 0;
    await engine.store.views.save(key, { position, bytes: Buffer.from(forged) });
    expect(Object.fromEntries(await states())).toMatchObject({
      "output-index": "different",
      "run-summary": "same",
    });
    expect(await states()).toEqual(all("same"));
  });

  it.each(["[]", "{", '{"runs": 1}'])("takes a copy that is none for none: %s", async (text) => {
    await live(storeNode(engine));
    const position = await engine.store.log.head();
    const bytes = Buffer.from(text);
    for (const one of savedProjections) {
      await engine.store.views.save(viewKey(one), { position, bytes });
    }
    expect((await storeNode(engine).outputs.getLatestByName("a")).taskId).toBe("r2");
    const verified = Object.fromEntries(await states());
    expect(verified["output-index"]).toBe("different");
    expect(await states()).toEqual(all("same"));
  });

  it("replaces a copy that claims to be further than the log", async () => {
    await live(storeNode(engine));
    const key = viewKey(runSummary);
    await engine.store.views.save(key, { position: 1e9, bytes: Buffer.from("[]") });
    await states(false);
    const runs = await new Projector(engine, runSummary).current();
    expect([...runs.keys()].sort()).toEqual(["r1", "r2", "r3", "r5"]);
  });

  it("tells how far it is, and can be given up", async () => {
    await live(storeNode(engine));
    const told: RebuildProgress[] = [];
    await rebuild(engine, savedProjections, { onProgress: (progress) => told.push(progress) });
    const head = await engine.store.log.head();
    expect(told.at(-1)).toMatchObject({ position: head, head });
    expect(told.at(-1)?.events).toBeGreaterThan(told.at(-1)?.frames ?? 0);
    const before = await copies();
    const signal = AbortSignal.abort(new Error("given up"));
    await expect(rebuild(engine, savedProjections, { signal })).rejects.toThrow("given up");
    expect(await copies()).toEqual(before);
  });
});
