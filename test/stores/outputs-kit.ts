/** What the tests of output and result stores work with: a scratch place per adapter, nodes opened in it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryBackend, memoryStore } from "../../src/adapters/memory/store.ts";
import { sqliteStore } from "../../src/adapters/sqlite/store.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { Journal } from "../../src/engine/journal.ts";
import { Projector } from "../../src/engine/projector.ts";
import { plainCodec } from "../../src/events/frame.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { systemIds } from "../../src/kernel/ids.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import type { Store } from "../../src/ports/store.ts";
import { outputIndex } from "../../src/projections/output-index.ts";
import { DataLocationRegistry } from "../../src/stores/data-locations.ts";
import { OutputStore } from "../../src/stores/output-store.ts";
import { ResultStore } from "../../src/stores/result-store.ts";
import { freshNamespace, openNats } from "../support/nats-store.ts";

export const world = { clock: systemClock(), random: systemRandom, ids: systemIds };

/** The stores of one process. */
export interface StoreNode {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly outputs: OutputStore;
  readonly results: ResultStore;
  readonly locations: DataLocationRegistry;
  close(): Promise<void>;
}

/** An empty scratch place of one adapter. */
export interface ScratchPlace {
  /** Opens it as a process called `node`. */
  open(node?: string): Promise<StoreNode>;
  /** Closes what is open and removes every trace. */
  destroy(): Promise<void>;
}

export function storeNode(store: Store, node: string): StoreNode {
  const codecs = [plainCodec] as const;
  const engine: Engine = {
    store,
    world,
    node,
    logger: silentLogger,
    codec: codecs[0],
    codecs,
  };
  const journal = new Journal(engine);
  const locations = new DataLocationRegistry(engine, journal);
  return {
    engine,
    journal,
    outputs: new OutputStore(engine, journal, new Projector(engine, outputIndex)),
    results: new ResultStore(engine, journal, locations),
    locations,
    close: () => store.close(),
  };
}

function place(open: (node: string) => Promise<Store>, remove: () => Promise<void>): ScratchPlace {
  const opened: Store[] = [];
  return {
    async open(node = "node-1") {
      const store = await open(node);
      opened.push(store);
      return storeNode(store, node);
    },
    async destroy() {
      await Promise.all(opened.map((store) => store.close()));
      await remove();
    },
  };
}

async function memoryPlace(): Promise<ScratchPlace> {
  const share = new MemoryBackend(world.clock);
  const open = async (node: string): Promise<Store> =>
    memoryStore({ namespace: "default", node, world, share });
  return place(open, async () => undefined);
}

async function sqlitePlace(): Promise<ScratchPlace> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-stores-"));
  const open = (node: string): Promise<Store> =>
    sqliteStore(join(folder, "store.db"), { namespace: "default", node, world });
  return place(open, () => rm(folder, { recursive: true }));
}

async function natsPlace(url: string): Promise<ScratchPlace> {
  const namespace = freshNamespace();
  const open = (node: string): Promise<Store> => openNats(url, { namespace, node });
  return place(open, async () => undefined);
}

/** Each adapter's name, and how its places are made; `url` gives the server's address. */
export const adapters = (
  url: () => string,
): readonly (readonly [string, () => Promise<ScratchPlace>])[] => [
  ["memory", memoryPlace],
  ["sqlite", sqlitePlace],
  ["nats", () => natsPlace(url())],
];
