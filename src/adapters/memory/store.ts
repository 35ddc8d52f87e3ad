/**
 * The memory store: the reference semantics of all ports, for tests and simulation. It keeps no
 * timers of its own: all waiting goes through the clock it is given, so virtual time works.
 */
import type { Clock } from "../../kernel/clock.ts";
import { limits } from "../../kernel/limits.ts";
import type { Store, StoreOptions } from "../../ports/store.ts";
import type { SavedView } from "../../ports/view-store.ts";
import { partitionedLog } from "../partitioned-log.ts";
import { MemoryBlobStore } from "./blob-store.ts";
import { FrameTable, MemoryEventLog } from "./event-log.ts";
import { InputTable, MemoryInbox } from "./inbox.ts";
import { MemoryNodeRegistry, NodeTable } from "./node-registry.ts";
import { MemoryNodeValues, type ValueTable } from "./node-values.ts";
import { TicketTable } from "./ticket-table.ts";
import { MemoryViewStore } from "./view-store.ts";
import { MemoryWorkQueue } from "./work-queue.ts";

/** What one namespace holds. */
interface Space {
  /** By partition of the log. */
  readonly frames: readonly FrameTable[];
  readonly inputs: InputTable;
  readonly tickets: TicketTable;
  readonly nodes: NodeTable;
  readonly blobs: Map<string, Uint8Array>;
  readonly views: Map<string, SavedView>;
  readonly values: ValueTable;
}

/**
 * The data behind memory stores. Stores that share one are processes at one server: what one writes
 * the others see, and it outlives them all.
 */
export class MemoryBackend {
  readonly #clock: Clock;
  readonly #partitions: number;
  readonly #spaces = new Map<string, Space>();

  /**
   * @param clock the server's time: by it leases end, times of tickets come and nodes are gone
   * @param partitions of its logs
   */
  constructor(clock: Clock, partitions = 1) {
    this.#clock = clock;
    this.#partitions = partitions;
  }

  /** The data of a namespace; empty at first. */
  space(namespace: string): Space {
    const known = this.#spaces.get(namespace);
    if (known) return known;
    const space: Space = {
      frames: Array.from({ length: this.#partitions }, () => new FrameTable()),
      inputs: new InputTable(),
      tickets: new TicketTable(this.#clock),
      nodes: new NodeTable(this.#clock),
      blobs: new Map(),
      views: new Map(),
      values: new Set(),
    };
    this.#spaces.set(namespace, space);
    return space;
  }
}

/** Where the data lives, beside what every store is opened with. */
export interface MemoryStoreOptions extends StoreOptions {
  /** Data shared with other stores; default: the store's own, gone with it. */
  readonly share?: MemoryBackend;
}

/** Opens a memory store. Closing it is, to the others, the end of its process. */
export function memoryStore(options: MemoryStoreOptions): Store {
  const { clock, ids } = options.world;
  const backend = options.share ?? new MemoryBackend(clock, options.partitions);
  const space = backend.space(options.namespace);
  const { frames, inputs, tickets, nodes, blobs, views, values } = space;
  const leaseMs = options.leaseMs ?? limits.leaseMs;
  const ports = {
    log: partitionedLog(frames.map((table) => new MemoryEventLog(table, clock))),
    inbox: new MemoryInbox(inputs, clock),
    queue: new MemoryWorkQueue(tickets, { clock, ids, leaseMs }),
    nodes: new MemoryNodeRegistry(nodes, options.node),
    blobs: new MemoryBlobStore(blobs),
    views: new MemoryViewStore(views),
    values: new MemoryNodeValues(values, options.node),
  };
  return {
    name: "memory",
    ...ports,
    async describe() {
      return {
        durability: "none: the data is gone with the process",
        namespace: options.namespace,
        leaseMs,
        partitions: frames.length,
        frames: frames.reduce((sum, table) => sum + table.count, 0),
        inputs: inputs.count,
        tickets: tickets.count,
        blobs: blobs.size,
        views: views.size,
      };
    },
    async close() {
      await Promise.all(Object.values(ports).map((port) => port.close()));
    },
  };
}
