/**
 * The checkpoint store: acceptance tests of reference/seeds.md §3.4, by number, and our own
 * choices.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { Journal } from "../../src/engine/reading/journal.ts";
import { limits } from "../../src/kernel/limits.ts";
import { CheckpointStore } from "../../src/stores/checkpoint-store.ts";
import type { DrivenStatus } from "../../src/stores/driven-status.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { type EnginePlace, places } from "./places.ts";

const url = sharedNatsServer();

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (saved: { readonly state: Uint8Array } | undefined): string | undefined =>
  saved && new TextDecoder().decode(saved.state);
const seqs = (metas: readonly { readonly seq: number }[]): number[] => metas.map(({ seq }) => seq);

describe.each(places(url))("checkpoint store on %s", (_name, makePlace) => {
  let place: EnginePlace;
  let engine: Engine;
  let store: CheckpointStore;
  beforeEach(async () => {
    place = await makePlace();
    engine = await place.open("node-1");
    store = new CheckpointStore(engine, new Journal(engine));
    await store.createRun("r", "flow", { k: [1] });
  });
  afterEach(() => place.destroy());

  const peer = async (node = "node-2"): Promise<CheckpointStore> => {
    const other = await place.open(node);
    return new CheckpointStore(other, new Journal(other));
  };
  const saveABA = async (): Promise<void> => {
    for (const [node, state] of [
      ["A", "a1"],
      ["B", "b2"],
      ["A", "a3"],
    ] as const)
      await store.saveCheckpoint("r", node, bytes(state));
  };

  it("1: numbers are per run and shared by its nodes", async () => {
    await saveABA();
    expect(seqs(await store.listCheckpoints("r"))).toEqual([1, 2, 3]);
    expect(seqs(await store.listNodeCheckpoints("r", "A"))).toEqual([1, 3]);
    expect(seqs(await store.listNodeCheckpoints("r", "B"))).toEqual([2]);
    expect(await store.listNodeCheckpoints("r", "C")).toEqual([]);
  });

  it("2: the latest, the exact one, and the one at or before", async () => {
    await saveABA();
    for (const one of [store, await peer()]) {
      expect(await one.loadCheckpoint("r", "A")).toMatchObject({ seq: 3, node: "A", run: "r" });
      expect(text(await one.loadCheckpoint("r", "B"))).toBe("b2");
      expect(text(await one.loadCheckpointAt("r", "A", 1))).toBe("a1");
      for (const seq of [0, 2, 4, 99, -1, 1.5, Number.NaN])
        expect(await one.loadCheckpointAt("r", "A", seq)).toBeUndefined();
      expect(text(await one.loadCheckpointAtOrBefore("r", "A", 2))).toBe("a1");
      expect(text(await one.loadCheckpointAtOrBefore("r", "A", 3))).toBe("a3");
      expect(text(await one.loadCheckpointAtOrBefore("r", "A", 99))).toBe("a3");
      expect(await one.loadCheckpointAtOrBefore("r", "B", 1)).toBeUndefined();
    }
  });

  it("3: all in the order of their numbers, with exact sizes", async () => {
    const sizes = [0, 1, 64 * 1024, 49_150, 49_151, 49_152, 300_000];
    for (const [nth, size] of sizes.entries()) {
      const meta = await store.saveCheckpoint("r", `node ${nth % 2}`, new Uint8Array(size));
      expect(meta.stateSize).toBe(size);
    }
    for (const one of [store, await peer()]) {
      const all = await one.listCheckpoints("r");
      expect(all.map(({ stateSize }) => stateSize)).toEqual(sizes);
      expect(seqs(all)).toEqual(sizes.map((_, nth) => nth + 1));
      for (const [nth, size] of sizes.entries()) {
        const saved = await one.loadCheckpointAt("r", `node ${nth % 2}`, nth + 1);
        expect(saved?.state.length).toBe(size);
      }
    }
  });

  it("4: all byte values come back, in buffers of their own", async () => {
    const state = Uint8Array.from({ length: 256 }, (_, value) => value);
    const metadata = { "any key": "any text ✓", __proto__: "x" };
    await store.saveCheckpoint("r", "A", state, metadata);
    state.fill(7);
    const first = await store.loadCheckpoint("r", "A");
    expect([...(first?.state ?? [])]).toEqual(Array.from({ length: 256 }, (_, value) => value));
    expect(first?.metadata).toEqual({ "any key": "any text ✓" });
    first?.state.fill(9);
    const second = await store.loadCheckpoint("r", "A");
    expect(second?.state[1]).toBe(1);
    expect(second?.state).toBeInstanceOf(Uint8Array);
  });

  it("5: an unknown run refuses writes and has nothing to read", async () => {
    const writes = [
      () => store.saveCheckpoint("none", "A", bytes("x")),
      () => store.appendEvent("none", { type: "x" }),
    ];
    for (const write of writes)
      await expect(write()).rejects.toMatchObject({ code: "E_RUN_NOT_FOUND" });
    expect(await store.getRun("none")).toBeUndefined();
    expect(await store.loadCheckpoint("none", "A")).toBeUndefined();
    expect(await store.loadCheckpoint("r", "A")).toBeUndefined();
    expect(await store.listCheckpoints("none")).toEqual([]);
    expect(await store.listNodeCheckpoints("none", "A")).toEqual([]);
    expect(await store.getEvents("none")).toEqual([]);
  });

  it("6: creating again leaves the run as it is; with other content it is refused", async () => {
    await saveABA();
    await store.appendEvent("r", { type: "e" });
    const before = await store.getRun("r");
    expect(await (await peer()).createRun("r", "flow", { k: [1] })).toEqual(before);
    for (const [workflow, params] of [["flow", { k: [2] }], ["other"]] as const)
      await expect(store.createRun("r", workflow, params)).rejects.toMatchObject({
        code: "E_RUN_CONFLICT",
      });
    expect(await store.getRun("r")).toEqual(before);
    expect(before).toMatchObject({
      workflow: "flow",
      status: "running",
      params: { k: [1] },
      latestCheckpoint: 3,
      latestEvent: 1,
    });
  });

  it("7: statuses move legally, or not at all", async () => {
    const unknown = store.updateRunStatus("none", "completed");
    await expect(unknown).rejects.toMatchObject({ code: "E_RUN_NOT_FOUND" });
    const nonsense = store.updateRunStatus("r", "Running" as DrivenStatus);
    await expect(nonsense).rejects.toMatchObject({ code: "E_OPTION_INVALID" });
    const status = async (run: string) => (await store.getRun(run))?.status;
    for (const next of ["paused", "paused", "running"] as const) {
      await store.updateRunStatus("r", next);
      expect(await status("r")).toBe(next);
    }
    for (const end of ["completed", "failed", "cancelled"] as const) {
      for (const from of ["running", "paused"] as const) {
        const run = `${end}-from-${from}`;
        await store.createRun(run, "flow");
        await store.updateRunStatus(run, from);
        await store.updateRunStatus(run, end);
        await store.updateRunStatus(run, end);
        expect(await status(run)).toBe(end);
        for (const next of ["running", "paused", "completed", "failed", "cancelled"] as const) {
          if (next === end) continue;
          const move = store.updateRunStatus(run, next);
          await expect(move).rejects.toMatchObject({ code: "E_COMMAND_REFUSED" });
        }
        await store.saveCheckpoint(run, "A", bytes("in every status"));
        expect(await status(run)).toBe(end);
      }
    }
  });

  it("8: events are counted from 1, and since excludes", async () => {
    for (const n of [1, 2, 3, 4, 5])
      expect(await store.appendEvent("r", { type: "tick", payload: { n, seq: 77 } })).toBe(n);
    const all = await store.getEvents("r");
    expect(all.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect(all[0]).toEqual({
      run: "r",
      seq: 1,
      type: "tick",
      timestamp: expect.any(Number),
      node: null,
      payload: { n: 1, seq: 77 },
    });
    expect(await store.getEvents("r", null)).toEqual(all);
    expect(await store.getEvents("r", 0)).toEqual(all);
    expect(await (await peer()).getEvents("r", 3)).toEqual(all.slice(3));
    for (const since of [5, 6, 1_000]) expect(await store.getEvents("r", since)).toEqual([]);
  });

  it("9: pages of events", async () => {
    await Promise.all(
      Array.from({ length: 7 }, (_, nth) =>
        store.appendEvent("r", { type: `e${nth + 1}`, node: "a/b", payload: nth }),
      ),
    );
    const pages: string[][] = [];
    for (let since = 0; ; ) {
      const page = await store.getEvents("r", since, 2);
      if (page.length === 0) break;
      pages.push(page.map(({ type }) => type));
      since = page.at(-1)?.seq ?? since;
    }
    expect(pages).toEqual([["e1", "e2"], ["e3", "e4"], ["e5", "e6"], ["e7"]]);
    expect(await store.getEvents("r", 0, 0)).toEqual([]);
    expect((await store.getEvents("r", 2, 1))[0]).toMatchObject({ type: "e3", node: "a/b" });
    for (const [since, limit] of [
      [-1, 1],
      [0, -1],
      [1.5, 1],
      [0, Number.NaN],
    ] as const)
      await expect(store.getEvents("r", since, limit)).rejects.toMatchObject({
        code: "E_OPTION_INVALID",
      });
  });

  it("10: the two counters are independent", async () => {
    for (const n of [1, 2, 3]) {
      if (n < 3) await store.saveCheckpoint("r", "A", bytes(`${n}`));
      await store.appendEvent("r", { type: "e" });
    }
    expect(await store.getRun("r")).toMatchObject({ latestCheckpoint: 2, latestEvent: 3 });
  });

  it("12: 50 concurrent saves have 50 numbers without a gap, over processes", async () => {
    const stores = [store, await peer("node-2"), await peer("node-3")] as const;
    const saved = await Promise.all(
      Array.from({ length: 50 }, (_, nth) =>
        (stores[nth % 3] as CheckpointStore).saveCheckpoint("r", `n${nth % 7}`, bytes(`${nth}`)),
      ),
    );
    expect(seqs(saved).sort((left, right) => left - right)).toEqual(
      Array.from({ length: 50 }, (_, nth) => nth + 1),
    );
    for (const [nth, { seq, node }] of saved.entries())
      expect(text(await stores[0].loadCheckpointAt("r", node, seq))).toBe(`${nth}`);
  });

  it("13: names of nodes are any text and never collide; run ids are checked", async () => {
    const nodes = ["a", "a/b", "a.b", "a/", "*", ">", "a b", " ", "ü✓", "__proto__", "constructor"];
    for (const node of nodes) await store.saveCheckpoint("r", node, bytes(`state of ${node}`));
    for (const [nth, node] of nodes.entries()) {
      const saved = await store.loadCheckpoint("r", node);
      expect(saved).toMatchObject({ node, seq: nth + 1 });
      expect(text(saved)).toBe(`state of ${node}`);
      expect(seqs(await store.listNodeCheckpoints("r", node))).toEqual([nth + 1]);
    }
    for (const node of ["", "x".repeat(1_025), "\ud800"])
      await expect(store.saveCheckpoint("r", node, bytes("x"))).rejects.toMatchObject({
        code: "E_OPTION_INVALID",
      });
    for (const run of ["", "a/b", "a.b", "*", ">", "a b", "ü"])
      await expect(store.createRun(run, "flow")).rejects.toMatchObject({ code: "E_ID_INVALID" });
  });

  it("15: a process that has nothing but the log sees the same", async () => {
    await saveABA();
    await store.saveCheckpoint("r", "big", new Uint8Array(limits.valueInlineBytesMax * 2).fill(3));
    await store.appendEvent("r", { type: "e", payload: "p" });
    await store.updateRunStatus("r", "paused");
    const look = async (one: CheckpointStore): Promise<string> =>
      JSON.stringify([
        await one.getRun("r"),
        await one.listCheckpoints("r"),
        await one.getEvents("r"),
        [...((await one.loadCheckpoint("r", "big"))?.state ?? [])],
      ]);
    expect(await look(await peer())).toBe(await look(store));
  });
});
