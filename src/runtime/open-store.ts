/** From a store's address to the store: the one place where addresses meet adapters. */
import { existsSync } from "node:fs";
import { memoryStore } from "../adapters/memory/store.ts";
import { MillraceError } from "../kernel/errors.ts";
import type { RunIndex } from "../ports/run-index.ts";
import type { Store, StoreOptions } from "../ports/store.ts";

/** Where the default store lies, relative to the working directory. */
export const DEFAULT_STORE = "sqlite:.millrace/millrace.db";

/**
 * Opens `memory`, `sqlite:PATH` (`sqlite::memory:` too) or `nats://HOST:PORT` (`tls://` too; several
 * servers separated by commas). Adapters are loaded when they are asked for.
 * @throws MillraceError `E_OPTION_INVALID` for any other address; what the adapter refuses
 */
export async function openStore(address: string, options: StoreOptions): Promise<Store> {
  if (address === "memory") return memoryStore(options);
  if (address.startsWith("sqlite:")) {
    refusePartitions(options.partitions);
    const { sqliteStore } = await import("../adapters/sqlite/store.ts");
    return sqliteStore(address.slice("sqlite:".length), options);
  }
  if (address.startsWith("nats://") || address.startsWith("tls://")) {
    const { natsStore } = await import("../adapters/nats/store.ts");
    return natsStore(address, options);
  }
  throw new MillraceError(
    "E_OPTION_INVALID",
    `store: ${JSON.stringify(address)} is no address of a store; use "memory", "sqlite:PATH" or "nats://HOST:PORT"`,
    { details: { option: "store" } },
  );
}

/** One file is written by one process at a time, however it is divided. */
function refusePartitions(partitions: number | undefined): void {
  if (partitions === undefined || partitions === 1) return;
  throw new MillraceError(
    "E_OPTION_INVALID",
    "partitions: a log on sqlite has one; leave the option out, or use a store on NATS",
    { details: { option: "partitions" } },
  );
}

/** Whether there is an index of runs in a file, opened or not. */
export const hasIndex = (path: string): boolean => path !== ":memory:" && existsSync(path);

/** Opens the index of runs in a file, or in memory. Loaded when something is searched. */
export async function openIndex(path: string): Promise<RunIndex> {
  const { SqliteRunIndex } = await import("../adapters/sqlite/run-index.ts");
  return new SqliteRunIndex(path);
}
