/** Scratch places for tests of the stores: one per adapter, opened as any number of processes. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryBackend, memoryStore } from "../../src/adapters/memory/store.ts";
import { sqliteStore } from "../../src/adapters/sqlite/store.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { plainCodec } from "../../src/events/frame.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { systemIds } from "../../src/kernel/ids.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import type { Store, World } from "../../src/ports/store.ts";
import { freshNamespace, openNats, removeNamespace } from "../support/nats-store.ts";

export const systemWorld: World = {
  clock: systemClock(),
  random: systemRandom,
  ids: systemIds,
};

/** An engine over `store`, as the process called `node`. */
export const engineOf = (store: Store, node: string, world: World = systemWorld): Engine => ({
  store,
  world,
  node,
  logger: silentLogger,
  codec: plainCodec,
  codecs: [plainCodec],
});

/** An empty scratch place. */
export interface EnginePlace {
  /** Opens it as one more process. */
  open(node: string): Promise<Engine>;
  /** Closes what is open and removes every trace. */
  destroy(): Promise<void>;
}

function place(
  openStore: (node: string) => Promise<Store>,
  remove: () => Promise<void>,
): EnginePlace {
  const opened: Store[] = [];
  return {
    async open(node) {
      const store = await openStore(node);
      opened.push(store);
      return engineOf(store, node);
    },
    async destroy() {
      await Promise.all(opened.map((store) => store.close()));
      await remove();
    },
  };
}

export async function memoryPlace(): Promise<EnginePlace> {
  const share = new MemoryBackend(systemWorld.clock);
  const open = async (node: string): Promise<Store> =>
    memoryStore({ namespace: "default", node, world: systemWorld, share });
  return place(open, async () => undefined);
}

export async function sqlitePlace(): Promise<EnginePlace> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-stores-"));
  const open = (node: string): Promise<Store> =>
    sqliteStore(join(folder, "store.db"), { namespace: "default", node, world: systemWorld });
  return place(open, () => rm(folder, { recursive: true }));
}

export async function natsPlace(url: string): Promise<EnginePlace> {
  const namespace = freshNamespace();
  return place(
    (node) => openNats(url, { namespace, node }),
    () => removeNamespace(url, namespace),
  );
}

/** Each adapter's name, and how its places are made; `url` gives the server's address. */
export const places = (
  url: () => string,
): readonly (readonly [string, () => Promise<EnginePlace>])[] => [
  ["memory", memoryPlace],
  ["sqlite", sqlitePlace],
  ["nats", () => natsPlace(url())],
];
