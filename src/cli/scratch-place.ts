/** What scratch places look like, whatever backend they are on. */
import type { Store, World } from "../ports/store.ts";

/** One empty place, as the contract suites want it. */
export interface ScratchPlace {
  readonly capabilities: readonly ("durable" | "shared")[];
  /** Of its log; default: 1. */
  readonly partitions?: number;
  open(node?: string): Promise<Store>;
  destroy(): Promise<void>;
}

/** Where scratch places come from, and how they go again. */
export interface Scratch {
  /** Where it is, for people: should this process be killed, it can be removed by hand. */
  readonly where: string;
  /** Makes a place; each is removed by its own `destroy`. */
  place(): Promise<ScratchPlace>;
  /** Removes whatever is left. */
  remove(): Promise<void>;
}

/** What scratch stores are opened with. */
export interface ScratchOptions {
  readonly world: World;
  /** Lease of the stores that are opened in it. */
  readonly leaseMs: number;
  /** Of the log that is examined. */
  readonly partitions: number;
}
