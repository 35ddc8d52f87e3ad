/** The embedded store: all ports over one file, which processes of one machine may share. */
import { checkId } from "../../kernel/ids.ts";
import { limits } from "../../kernel/limits.ts";
import type { Store, StoreOptions } from "../../ports/store.ts";
import { Backend } from "./backend.ts";
import { SqliteBlobStore } from "./blob-store.ts";
import { SqliteEventLog } from "./event-log.ts";
import { Holders } from "./holders.ts";
import { SqliteInbox } from "./inbox.ts";
import { SqliteNodeRegistry } from "./node-registry.ts";
import { SqliteNodeValues } from "./node-values.ts";
import { schemaVersion } from "./schema.ts";
import { SqliteViewStore } from "./view-store.ts";
import { SqliteWorkQueue } from "./work-queue.ts";

/**
 * Opens a store in the file at `path`, which is created if it is missing; ":memory:" keeps
 * everything in this process only. The file must lie on a disk of this machine: processes share it
 * through its page cache, which network file systems do not give.
 *
 * What is acknowledged by the log, the inbox and the blob store is on the disk, safe from a crash
 * of the process and of the machine. Tickets, nodes and views are hints, safe from a crash of
 * processes only.
 * @throws MillraceError `E_ID_INVALID` for the namespace or node, `E_STORE_DRIFT` for a file of
 *   another program or of a newer millrace, `E_LOG_CORRUPT` for a damaged one,
 *   `E_STORE_UNAVAILABLE` when it cannot be opened or created
 */
export async function sqliteStore(path: string, options: StoreOptions): Promise<Store> {
  const namespace = checkId("namespace", options.namespace);
  const node = checkId("node", options.node);
  const backend = await Backend.open(path, { namespace, node, world: options.world });
  const access = backend.access();
  const holders = new Holders(backend);
  const ports = {
    log: new SqliteEventLog(backend),
    inbox: new SqliteInbox(backend),
    queue: new SqliteWorkQueue(backend, holders, options.leaseMs),
    nodes: new SqliteNodeRegistry(backend, holders),
    blobs: new SqliteBlobStore(backend),
    views: new SqliteViewStore(backend),
    values: new SqliteNodeValues(backend, holders, node),
  };
  let closing: Promise<void> | undefined;
  return {
    name: "sqlite",
    ...ports,
    describe: () => access.read(() => describe(backend)),
    close() {
      access.close();
      closing ??= closeAll(backend, holders, Object.values(ports));
      return closing;
    },
  };
}

async function closeAll(
  backend: Backend,
  holders: Holders,
  ports: readonly { close(): Promise<void> }[],
): Promise<void> {
  const left = backend.commits.submit({ durable: false, run: () => holders.leave() });
  const closings = await Promise.allSettled([left, ...ports.map((port) => port.close())]);
  await backend.close();
  for (const closing of closings) if (closing.status === "rejected") throw closing.reason;
}

function describe({ db }: Backend): Readonly<Record<string, unknown>> {
  return {
    backend: "sqlite",
    version: db.value("SELECT sqlite_version()"),
    schema: schemaVersion,
    path: db.path,
    bytes: Number(db.value("PRAGMA page_count")) * Number(db.value("PRAGMA page_size")),
    journal: db.value("PRAGMA journal_mode"),
    durability: db.inMemory
      ? "none: everything ends with this process"
      : "full sync: what was acknowledged survives a crash of the machine",
    valueBytesMax: limits.valueBytesMax,
  };
}
