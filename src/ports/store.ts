import type { Clock } from "../kernel/clock.ts";
import type { Ids } from "../kernel/ids.ts";
import type { Random } from "../kernel/random.ts";
import type { BlobStore } from "./blob-store.ts";
import type { EventLog } from "./event-log.ts";
import type { Inbox } from "./inbox.ts";
import type { NodeRegistry } from "./node-registry.ts";
import type { NodeValues } from "./node-values.ts";
import type { ViewStore } from "./view-store.ts";
import type { WorkQueue } from "./work-queue.ts";

/** Where time, randomness and ids come from. One seed for all three makes a whole system repeatable. */
export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
  /**
   * Time for what goes on for ever whether or not anybody waits for it: heartbeats, leases, sweeps. A
   * simulation that skips waits does not stop for it. @default clock
   */
  readonly upkeep?: Clock;
}

/** One backend: all ports over one memory, one file or one server, in one namespace. */
export interface Store {
  /** "memory", "sqlite" or "nats". */
  readonly name: string;
  readonly log: EventLog;
  readonly inbox: Inbox;
  readonly queue: WorkQueue;
  readonly nodes: NodeRegistry;
  readonly blobs: BlobStore;
  readonly views: ViewStore;
  readonly values: NodeValues;
  /** Facts about the backend for `doctor`: version, limits, durability. JSON only. */
  describe(): Promise<Readonly<Record<string, unknown>>>;
  /** Closes all ports and what they share. */
  close(): Promise<void>;
}

/** What every adapter is opened with, beside its own location. */
export interface StoreOptions {
  /** Separates installations that share a backend; an id, default "default". */
  readonly namespace: string;
  /** The id of this process, as `alive` will be asked for it and leases will name it. */
  readonly node: string;
  /**
   * Partitions of the log, from 1. Decided when the namespace is made; another number is refused with
   * `E_STORE_DRIFT`, and more than one with `E_OPTION_INVALID` by a backend that has only one. @default what is there, else 1
   */
  readonly partitions?: number | undefined;
  /** Lease of a claim in ms; default `limits.leaseMs`. */
  readonly leaseMs?: number;
  readonly world: World;
}
