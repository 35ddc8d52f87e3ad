/**
 * Scratch places for `doctor`: empty stores on the same backend as the one that is examined, which
 * leave nothing behind. The examined namespace itself is never written to.
 */
import { mkdir, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { MemoryBackend, memoryStore } from "../adapters/memory/store.ts";
import type { Store } from "../ports/store.ts";
import { openStore } from "../runtime/open-store.ts";
import type { Scratch, ScratchOptions, ScratchPlace } from "./scratch-place.ts";
import { sqlitePath } from "./settings.ts";

/** Scratch places on the backend that `address` names. */
export async function scratchOf(address: string, options: ScratchOptions): Promise<Scratch> {
  const name = `doctor-${options.world.ids()}`;
  const path = sqlitePath(address);
  if (address === "memory") return memoryScratch(options);
  if (path === ":memory:") return ownMemoryScratch(options);
  if (path !== undefined) return fileScratch(path, name, options);
  const { natsScratch } = await import("./nats-scratch.ts");
  return natsScratch(address, name, options);
}

/** The node that a place is opened as, when a case does not say. */
const NODE = "node-1";
const NAMESPACE = "doctor";
const nothing = async (): Promise<void> => undefined;

function memoryScratch({ world, leaseMs, partitions }: ScratchOptions): Scratch {
  const place = async (): Promise<ScratchPlace> => {
    const share = new MemoryBackend(world.clock, partitions);
    return {
      capabilities: ["durable", "shared"],
      partitions,
      open: async (node = NODE) =>
        memoryStore({ namespace: NAMESPACE, node, leaseMs, world, share }),
      destroy: nothing,
    };
  };
  return { where: "memory of this process", place, remove: nothing };
}

/** SQLite without a file: every opening is a place of its own. */
function ownMemoryScratch({ world, leaseMs }: ScratchOptions): Scratch {
  const open = (node = NODE): Promise<Store> =>
    openStore("sqlite::memory:", { namespace: NAMESPACE, node, leaseMs, world });
  return {
    where: "memory of this process",
    place: async () => ({ capabilities: [], open, destroy: nothing }),
    remove: nothing,
  };
}

/**
 * Files beside the examined one: on the same disk, by the same process. Not namespaces inside of it,
 * for a file keeps the names of its namespaces for ever.
 */
function fileScratch(path: string, name: string, { world, leaseMs }: ScratchOptions): Scratch {
  const folder = join(dirname(resolve(path)), `.${name}`);
  let places = 0;
  const place = async (): Promise<ScratchPlace> => {
    const own = join(folder, String(++places));
    await mkdir(own, { recursive: true, mode: 0o700 });
    const address = `sqlite:${join(own, "scratch.db")}`;
    return {
      capabilities: ["durable", "shared"],
      open: (node = NODE) => openStore(address, { namespace: NAMESPACE, node, leaseMs, world }),
      destroy: () => rm(own, { recursive: true, force: true }),
    };
  };
  return { where: folder, place, remove: () => rm(folder, { recursive: true, force: true }) };
}
