/**
 * The result store and the registry of data locations on every adapter: the acceptance tests of Handoff
 * that concern them, by number (docs/seeds.md), and what ours promises beyond them.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { pause } from "../../src/kernel/clock.ts";
import { digest } from "../../src/kernel/json.ts";
import { open } from "../../src/runtime/open.ts";
import { graph } from "../../src/workflow/graph.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { adapters, type ScratchPlace, type StoreNode } from "./outputs-kit.ts";
import { systemWorld } from "./places.ts";

const missing = { code: "E_RESULT_NOT_FOUND" };
const node = { durability: "node" } as const;

async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

const url = sharedNatsServer();

describe.each(adapters(url))("result store on %s", (_name, makePlace) => {
  let place: ScratchPlace;
  let one: StoreNode;
  let two: StoreNode;

  beforeEach(async () => {
    place = await makePlace();
    one = await place.open("node-1");
    two = await place.open("node-2");
  });
  afterEach(() => place.destroy());

  it("Handoff 1: the results of a run of the engine are there under the ids of its steps", async () => {
    const flow = graph("flow")
      .step("a", () => 1)
      .step("b", { needs: ["a"] }, (_, { a }) => a + 1)
      .step("c", { needs: ["b"] }, (_, { b }) => b * 2)
      .step("list", () => [1, 2])
      .map("d", { over: "list" }, (_, n) => n * 10)
      .step("end", { needs: ["c", "d"] }, () => null)
      .build();
    const millrace = await open({ store: one.engine.store, node: "node-1", workflows: [flow] });
    const run = await millrace.start(flow);
    await run.result();
    const ids = ["a", "b", "c", "d", "d[1]", "nothing"];
    const results = await two.results.synchronize(run.id, ids);
    expect([...results]).toEqual([
      ["a", 1],
      ["b", 2],
      ["c", 4],
      ["d", [10, 20]],
      ["d[1]", 20],
    ]);
    await two.results.store(run.id, "a", "by hand");
    expect(await one.results.get(run.id, "a")).toBe("by hand");
    await two.results.clear(run.id);
    expect(await one.results.has(run.id, "c")).toBe(false);
    expect((await millrace.get(run.id)).status).toBe("completed");
    await millrace.close();
  });

  it.each(["durable", "node"] as const)(
    "Handoff 17: runs do not see each other (%s)",
    async (durability) => {
      await one.results.store("r1", "a", 1, { durability });
      await one.results.store("r2", "a", 2, { durability });
      await one.results.store("r2", "same", 1, { durability });
      expect(await one.results.get("r1", "a")).toBe(1);
      expect(await one.results.get("r2", "a")).toBe(2);
      await one.results.clear("r1");
      await one.results.clear("r1");
      await one.results.clear("never-known");
      await expect(one.results.get("r1", "a")).rejects.toMatchObject(missing);
      expect(await one.results.has("r1", "a")).toBe(false);
      expect(await one.locations.getAll("r1")).toEqual(new Map());
      expect(await one.results.get("r2", "a")).toBe(2);
      expect(await one.results.get("r2", "same")).toBe(1);
      await one.results.store("r1", "a", 3, { durability });
      expect(await two.results.getWithFetch("r1", "a")).toBe(3);
    },
  );

  it("Handoff 18: what is stored 200 ms later is waited for", async () => {
    const waiting = [
      two.results.getResult("r1", "late", 10_000),
      two.results.getResult("r1", "on-node", 10_000),
    ];
    await pause(systemWorld.clock, 200);
    await one.results.store("r1", "other", 1);
    await one.results.store("r1", "late", "here");
    await one.results.store("r1", "on-node", "there", node);
    expect(await Promise.all(waiting)).toEqual(["here", "there"]);
  });

  it("Handoff 18: what does not come is given up after the time-out and not before", async () => {
    const { clock } = systemWorld;
    const began = clock.mono();
    await expect(one.results.getResult("r1", "never", 150)).rejects.toMatchObject({
      code: "E_TIMEOUT",
      cause: missing,
    });
    expect(clock.mono() - began).toBeGreaterThanOrEqual(149);
    await one.results.store("r1", "a", 1);
    expect(await two.results.getResult("r1", "a", 0)).toBe(1);
    await expect(two.results.getResult("r1", "b", 0)).rejects.toMatchObject({ code: "E_TIMEOUT" });
  });

  it.each([node, {}])('Handoff 19: null, false, 0 and "" are values (%o)', async (options) => {
    const values: unknown[] = [null, false, 0, "", [], {}, undefined];
    for (const [n, value] of values.entries()) {
      await one.results.store("r1", `v${n}`, value, options);
      expect(await one.results.has("r1", `v${n}`)).toBe(true);
      const kept = value === undefined ? null : value;
      expect(await one.results.get("r1", `v${n}`)).toEqual(kept);
      expect(await two.results.getWithFetch("r1", `v${n}`)).toEqual(kept);
      expect(await two.results.getResult("r1", `v${n}`)).toEqual(kept);
    }
    await expect(one.results.get("r1", "v99")).rejects.toMatchObject(missing);
    await expect(one.results.store("r1", "x", Number.NaN, options)).rejects.toMatchObject({
      code: "E_NOT_JSON",
    });
  });

  it("the newest result counts, wherever it is", async () => {
    const big = "x".repeat(100_000);
    for (const [value, options] of [
      [1, {}],
      [big, node],
      [2, node],
      [big, {}],
      [3, {}],
    ] as const) {
      await one.results.store("r1", "a", value, options);
      expect(await two.results.getWithFetch("r1", "a")).toEqual(value);
    }
    await one.results.store("r1", "medium", ["y".repeat(5_000)]);
    expect(await two.results.get("r1", "medium")).toEqual(["y".repeat(5_000)]);
  });

  it("a durable result outlives its node, one on the node does not", async () => {
    await one.results.store("r1", "durable", { a: 1 });
    await one.results.store("r1", "mortal", { a: 2 }, node);
    expect(await two.locations.lookupLocation("r1", "mortal")).toBe("node-1");
    expect(await two.locations.lookupLocation("r1", "durable")).toBeUndefined();
    await one.engine.store.close();
    expect(await two.results.get("r1", "durable")).toEqual({ a: 1 });
    await expect(two.results.getWithFetch("r1", "mortal")).rejects.toMatchObject({
      code: "E_NODE_GONE",
      message: expect.stringContaining("node-1"),
    });
    await expect(two.results.getResult("r1", "mortal", 20)).rejects.toMatchObject({
      code: "E_TIMEOUT",
      cause: { code: "E_NODE_GONE" },
    });
    expect(await two.results.synchronize("r1", ["durable", "mortal"])).toEqual(
      new Map([["durable", { a: 1 }]]),
    );
  });

  it("what went with its node is computed again, once, and lives on who asked", async () => {
    await one.results.store("r1", "a", { n: 1 }, node);
    await one.engine.store.close();
    const recompute = vi.fn(async () => ({ n: 1 }));
    expect(await two.results.getWithFetch("r1", "a", { recompute })).toEqual({ n: 1 });
    expect(await two.results.getResult("r1", "a", 100, { recompute })).toEqual({ n: 1 });
    expect(recompute).toHaveBeenCalledTimes(1);
    expect(await two.locations.lookupLocation("r1", "a")).toBe("node-2");
    const three = await place.open("node-3");
    expect(await three.results.getWithFetch("r1", "a")).toEqual({ n: 1 });
  });

  it("get looks at this node only; a fetched value stays, its registration does not change", async () => {
    await one.results.store("r1", "a", [1, 2, 3], node);
    expect(await two.results.has("r1", "a")).toBe(false);
    await expect(two.results.get("r1", "a")).rejects.toMatchObject({
      ...missing,
      message: expect.stringContaining("node-1"),
    });
    expect(await two.results.fetchRemote("r1", "a")).toEqual([1, 2, 3]);
    expect(await two.results.has("r1", "a")).toBe(true);
    expect(await two.locations.lookupLocation("r1", "a")).toBe("node-1");
    await one.engine.store.close();
    expect(await two.results.get("r1", "a")).toEqual([1, 2, 3]);
    const three = await place.open("node-3");
    expect(await three.results.fetchRemote("r1", "a", "node-2")).toEqual([1, 2, 3]);
    await two.locations.registerLocation("r1", "a", "node-3");
    expect(await two.locations.getAll("r1")).toEqual(new Map([["a", "node-3"]]));
    expect(await (await place.open("node-4")).results.getWithFetch("r1", "a")).toEqual([1, 2, 3]);
  });

  it("fetchRemote knows no other node: not found", async () => {
    await expect(one.results.fetchRemote("r1", "a")).rejects.toMatchObject(missing);
    await one.results.store("r1", "a", 1, node);
    await expect(one.results.fetchRemote("r1", "a")).rejects.toMatchObject(missing);
    await one.results.store("r1", "b", 1);
    await expect(two.results.fetchRemote("r1", "b")).rejects.toMatchObject(missing);
    await one.locations.registerLocation("r1", "c", "node-1");
    await expect(two.results.fetchRemote("r1", "c")).rejects.toMatchObject(missing);
  });

  it("a location is registered, replaced and looked up by any process", async () => {
    expect(await two.locations.lookupLocation("r1", "x")).toBeUndefined();
    expect(await two.locations.getAll("r1")).toEqual(new Map());
    await one.locations.registerLocation("r1", "x", "node-1");
    await two.locations.registerLocation("r1", "x", "node-2");
    await two.locations.registerLocation("r1", "y", "node-1");
    expect(await one.locations.lookupLocation("r1", "x")).toBe("node-2");
    expect(await one.locations.getAll("r1")).toEqual(
      new Map([
        ["x", "node-2"],
        ["y", "node-1"],
      ]),
    );
    await one.results.store("r1", "z", "in the log");
    await two.locations.registerLocation("r1", "z", "node-1");
    expect(await two.results.get("r1", "z")).toBe("in the log");
  });

  it("a value that its node dropped is lost", async () => {
    await one.results.store("r1", "a", "gone soon", node);
    await one.engine.store.values.drop(digest('"gone soon"'));
    await expect(two.results.getWithFetch("r1", "a")).rejects.toMatchObject({
      code: "E_VALUE_LOST",
      message: expect.stringContaining("node-1"),
    });
    await expect(one.results.getWithFetch("r1", "a")).rejects.toMatchObject({
      code: "E_VALUE_LOST",
    });
    expect(await one.results.getWithFetch("r1", "a", { recompute: () => "again" })).toBe("again");
  });

  it("other bytes than were registered are refused", async () => {
    const { values } = one.engine.store;
    const real = values.read.bind(values);
    const forged = vi.spyOn(two.engine.store.values, "read");
    await one.results.store("r1", "a", "the real one", node);
    forged.mockImplementation(async (asked, digest) =>
      asked === "node-2" ? undefined : (await real(asked, digest)) && pieces('"a forged one"'),
    );
    await expect(two.results.getWithFetch("r1", "a")).rejects.toMatchObject({
      code: "E_VALUE_LOST",
      message: expect.stringContaining("14 bytes that are not it"),
    });
    forged.mockRestore();
    expect(await two.results.getWithFetch("r1", "a")).toBe("the real one");
  });

  it("bytes of any kind and length go through in pieces", async () => {
    const piece = Buffer.alloc(700_001, "0123456789abcdef");
    const sent = digest(Buffer.concat([piece, piece, piece]));
    const kept = await one.results.storeStream("r1", "big", [piece, piece, piece]);
    expect(kept).toEqual({ digest: sent, bytes: 3 * piece.length });
    const stream = await two.results.readStream("r1", "big");
    const lengths: number[] = [];
    const got: Uint8Array[] = [];
    for await (const part of stream) {
      lengths.push(part.length);
      got.push(part);
    }
    expect(digest(Buffer.concat(got))).toBe(sent);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(1024 * 1024);
    await expect(two.results.get("r1", "big")).rejects.toMatchObject({ code: "E_NOT_JSON" });
    await one.results.store("r1", "durable", { a: [1] });
    expect((await bytesOf(await two.results.readStream("r1", "durable"))).toString()).toBe(
      '{"a":[1]}',
    );
    expect(await bytesOf(await two.results.readStream("r1", "big"))).toHaveLength(2_100_003);
  });

  it("asked for by many at once, a value comes once", async () => {
    await one.results.store("r1", "a", "x".repeat(1_000_000), node);
    const read = vi.spyOn(two.engine.store.values, "read");
    const got = await Promise.all(
      Array.from({ length: 8 }, () => two.results.getWithFetch("r1", "a")),
    );
    expect(new Set(got).size).toBe(1);
    expect(read.mock.calls.filter(([from]) => from === "node-1")).toHaveLength(1);
  });

  it("of many stored at once under one id, the one that is registered is there", async () => {
    const values = Array.from({ length: 40 }, (_, n) => `value ${n % 3}`);
    await Promise.all(values.map((value) => one.results.store("r1", "a", value, node)));
    expect(values).toContain(await two.results.getWithFetch("r1", "a"));
    expect(values).toContain(await one.results.get("r1", "a"));
  });

  it("a reading that is given up leaves nothing open", async () => {
    await one.results.storeStream("r1", "a", [Buffer.alloc(3_000_000, 1)]);
    const from = await two.engine.store.values.read("node-1", digest(Buffer.alloc(3_000_000, 1)));
    for await (const first of from ?? []) {
      expect(first.length).toBeGreaterThan(0);
      break;
    }
    const failing = (async function* () {
      yield Buffer.from("half");
      throw new Error("the maker failed");
    })();
    await expect(one.results.storeStream("r1", "b", failing)).rejects.toThrow("the maker failed");
    expect(await one.results.has("r1", "b")).toBe(false);
  });

  it("ids that cannot be run ids, and empty ids of results, are refused", async () => {
    for (const run of ["", "*", "a/b", "a.b"]) {
      await expect(one.results.store(run, "a", 1)).rejects.toMatchObject({ code: "E_ID_INVALID" });
      await expect(one.results.get(run, "a")).rejects.toMatchObject({ code: "E_ID_INVALID" });
    }
    await expect(one.results.store("r1", "", 1)).rejects.toMatchObject({ code: "E_ID_INVALID" });
    for (const id of ["a/b", "a.b", "*", ">", "ü ß", "a\nb"]) {
      await one.results.store("r1", id, id);
      expect(await two.results.get("r1", id)).toBe(id);
    }
  });

  it("after close everything is refused, also what waits", async () => {
    const waiting = one.results.getResult("r1", "never", 60_000);
    const rejected = expect(waiting).rejects.toMatchObject({ code: "E_STORE_CLOSED" });
    await pause(systemWorld.clock, 50);
    await one.engine.store.close();
    await rejected;
    await expect(one.engine.store.values.keep([])).rejects.toMatchObject({
      code: "E_STORE_CLOSED",
    });
  });
});

async function* pieces(text: string): AsyncGenerator<Uint8Array, void, undefined> {
  yield Buffer.from(text);
}
