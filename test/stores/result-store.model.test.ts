/**
 * Random histories of the result store and the registry of locations against plain maps, on three nodes
 * that come and go: what each node has for itself is part of the model.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sharedNatsServer } from "../support/nats-server.ts";
import { adapters, type ScratchPlace, type StoreNode } from "./outputs-kit.ts";

const NODES = ["node-1", "node-2", "node-3"] as const;
const RUNS = ["r1", "r2"];
const IDS = ["a", "b"];
const AGAIN = "computed again";

/** Where a result is: in the log, or on a node, which may have been registered without a value. */
type Where =
  | { readonly in: "log"; readonly value: unknown }
  | { readonly in: "node"; node: string; readonly value: unknown; readonly known: boolean };

class Model {
  /** By "run/id". */
  readonly results = new Map<string, Where>();
  readonly locations = new Map<string, string>();
  /** What each living node has for itself: JSON by "run/id". */
  readonly alive = new Map<string, Map<string, string>>(NODES.map((node) => [node, new Map()]));

  has(node: string, value: unknown): boolean {
    return [...(this.alive.get(node)?.values() ?? [])].includes(JSON.stringify(value));
  }

  keep(node: string, key: string, value: unknown): void {
    this.alive.get(node)?.set(key, JSON.stringify(value));
  }

  putOn(node: string, key: string, value: unknown): void {
    this.keep(node, key, value);
    this.locations.set(key, node);
    this.results.set(key, { in: "node", node, value, known: true });
  }

  /** What `get` gives on a node: the value in a list, or a code. */
  get(node: string, key: string): unknown {
    const where = this.results.get(key);
    if (where === undefined) return "E_RESULT_NOT_FOUND";
    if (where.in === "log") return [where.value];
    const here = where.known && this.has(node, where.value);
    return here ? [where.value] : "E_RESULT_NOT_FOUND";
  }

  fetch(node: string, key: string, recompute: boolean): unknown {
    const where = this.results.get(key);
    const local = this.get(node, key);
    if (where?.in !== "node" || Array.isArray(local)) return local;
    if (!where.known) return "E_RESULT_NOT_FOUND";
    if (where.node !== node && this.has(where.node, where.value)) {
      this.keep(node, key, where.value);
      return [where.value];
    }
    if (!recompute) return this.alive.has(where.node) ? "E_VALUE_LOST" : "E_NODE_GONE";
    this.putOn(node, key, AGAIN);
    return [AGAIN];
  }
}

interface Real {
  readonly suffix: string;
  readonly nodes: Map<string, StoreNode>;
  readonly open: (node: string) => Promise<StoreNode>;
}

/** One call on one node; left out while the node is away. */
const on = (
  node: string,
  name: string,
  run: (model: Model, real: StoreNode, suffix: string) => Promise<void>,
): fc.AsyncCommand<Model, Real> => ({
  check: (model) => model.alive.has(node),
  run: (model, { nodes, suffix }) => run(model, nodes.get(node) as StoreNode, suffix),
  toString: () => `${node} ${name}`,
});

const outcome = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    (value) => [value],
    (error: { code: string }) => error.code,
  );

const store = (node: string, run: string, id: string, value: unknown, durable: boolean) =>
  on(
    node,
    `store ${run}/${id} ${JSON.stringify(value)} ${durable}`,
    async (model, real, suffix) => {
      const durability = durable ? "durable" : "node";
      await real.results.store(run + suffix, id, value, { durability });
      const key = `${run}/${id}`;
      if (durable) model.results.set(key, { in: "log", value });
      else model.putOn(node, key, value);
    },
  );

const get = (node: string, run: string, id: string) =>
  on(node, `get ${run}/${id}`, async (model, real, suffix) => {
    const expected = model.get(node, `${run}/${id}`);
    expect(await outcome(real.results.get(run + suffix, id))).toEqual(expected);
    expect(await real.results.has(run + suffix, id)).toBe(Array.isArray(expected));
  });

const fetchIt = (node: string, run: string, id: string, again: boolean) =>
  on(node, `fetch ${run}/${id} ${again}`, async (model, real, suffix) => {
    const options = again ? { recompute: () => AGAIN } : {};
    const got = outcome(real.results.getWithFetch(run + suffix, id, options));
    expect(await got).toEqual(model.fetch(node, `${run}/${id}`, again));
  });

const register = (node: string, run: string, id: string, at: string) =>
  on(node, `register ${run}/${id} at ${at}`, async (model, real, suffix) => {
    await real.locations.registerLocation(run + suffix, id, at);
    const key = `${run}/${id}`;
    const where = model.results.get(key);
    model.locations.set(key, at);
    if (where?.in === "node") where.node = at;
    else if (where === undefined) {
      model.results.set(key, { in: "node", node: at, value: null, known: false });
    }
  });

const look = (node: string, run: string) =>
  on(node, `look at ${run}`, async (model, real, suffix) => {
    const own = [...model.locations].filter(([key]) => key.startsWith(`${run}/`));
    const expected = new Map(own.map(([key, at]) => [key.slice(run.length + 1), at]));
    expect(await real.locations.getAll(run + suffix)).toEqual(expected);
    for (const id of IDS) {
      expect(await real.locations.lookupLocation(run + suffix, id)).toBe(expected.get(id));
    }
    for (const id of IDS) {
      const got = outcome(real.results.getWithFetch(run + suffix, id));
      expect(await got).toEqual(model.fetch(node, `${run}/${id}`, false));
    }
    // Nothing is left to be fetched: side by side, one fetch may let go of what another would find.
    const found = IDS.flatMap((id): [string, unknown][] => {
      const got = model.fetch(node, `${run}/${id}`, false);
      return Array.isArray(got) ? [[id, got[0]]] : [];
    });
    expect(await real.results.synchronize(run + suffix, IDS)).toEqual(new Map(found));
  });

const clear = (node: string, run: string) =>
  on(node, `clear ${run}`, async (model, real, suffix) => {
    await real.results.clear(run + suffix);
    for (const map of [model.results, model.locations, model.alive.get(node)]) {
      for (const key of map?.keys() ?? []) if (key.startsWith(`${run}/`)) map?.delete(key);
    }
  });

const leave = (node: string): fc.AsyncCommand<Model, Real> => ({
  check: (model) => model.alive.has(node) && model.alive.size > 1,
  async run(model, { nodes }) {
    await nodes.get(node)?.engine.store.close();
    nodes.delete(node);
    model.alive.delete(node);
  },
  toString: () => `${node} leaves`,
});

const comeBack = (node: string): fc.AsyncCommand<Model, Real> => ({
  check: (model) => !model.alive.has(node),
  async run(model, { nodes, open }) {
    nodes.set(node, await open(node));
    model.alive.set(node, new Map());
  },
  toString: () => `${node} comes back`,
});

/** The first is used most, so that much comes together there. */
const node = fc.constantFrom(...NODES, NODES[0], NODES[0], NODES[1]);
const run = fc.constantFrom(...RUNS);
const id = fc.constantFrom(...IDS);
const value = fc.constantFrom<unknown>(null, "shared", "shared", ["y".repeat(2_100)]);
const durable = fc.constantFrom(false, false, true);
const storing = fc.tuple(node, run, id, value, durable).map((given) => store(...given));
const fetching = fc.tuple(node, run, id, fc.boolean()).map((given) => fetchIt(...given));
const commands = fc.commands(
  [
    storing,
    storing,
    fetching,
    fetching,
    fc.tuple(node, run, id).map((given) => get(...given)),
    fc.tuple(node, run, id, node).map((given) => register(...given)),
    fc.tuple(node, run).map((given) => look(...given)),
    fc.tuple(node, run).map((given) => clear(...given)),
    node.map(leave),
    node.map(comeBack),
  ],
  { maxCommands: 60, size: "max" },
);

const url = sharedNatsServer();
const HISTORIES = { memory: 200, sqlite: 15, nats: 10 } as const;

describe.each(adapters(url))("result store against its model on %s", (name, makePlace) => {
  let place: ScratchPlace;
  let nth = 0;
  beforeAll(async () => {
    place = await makePlace();
  });
  afterAll(() => place.destroy());

  it("every history", async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (history) => {
        const suffix = `-x${nth++}`;
        const open = (name: string): Promise<StoreNode> => place.open(name);
        const nodes = new Map<string, StoreNode>();
        for (const name of NODES) nodes.set(name, await open(name));
        const real: Real = { suffix, nodes, open };
        try {
          await fc.asyncModelRun(() => ({ model: new Model(), real }), history);
        } finally {
          for (const { engine } of nodes.values()) await engine.store.close();
        }
      }),
      { numRuns: HISTORIES[name as keyof typeof HISTORIES] },
    );
  });
});
