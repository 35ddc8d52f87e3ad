/** The node registry in memory. A process is alive as long as a store of its name is open. */
import type { Clock } from "../../kernel/clock.ts";
import { limits } from "../../kernel/limits.ts";
import type { NodeInfo, NodeRegistry } from "../../ports/node-registry.ts";
import { Gate } from "./gate.ts";

interface Announced {
  readonly info: NodeInfo;
  readonly by: MemoryNodeRegistry;
  /** Monotonic ms from which on it is not listed. */
  readonly goneAt: number;
}

/** Who is open and who announced itself, as all openings of a backend share it. */
export class NodeTable {
  readonly announced = new Map<string, Announced>();
  readonly open = new Set<MemoryNodeRegistry>();
  /** The time of the registry itself, whoever uses it. */
  readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }
}

/** One opening of a `NodeTable`, by the process called `node`. */
export class MemoryNodeRegistry implements NodeRegistry {
  readonly #gate = new Gate("node registry");
  readonly #table: NodeTable;
  readonly #node: string;

  constructor(table: NodeTable, node: string) {
    this.#table = table;
    this.#node = node;
    table.open.add(this);
  }

  async announce(info: NodeInfo): Promise<void> {
    this.#gate.pass();
    const goneAt = this.#table.clock.mono() + limits.nodeGoneMs;
    this.#table.announced.set(info.id, { info: structuredClone(info), by: this, goneAt });
  }

  async withdraw(id: string): Promise<void> {
    this.#gate.pass();
    this.#table.announced.delete(id);
  }

  async list(): Promise<readonly NodeInfo[]> {
    this.#gate.pass();
    const now = this.#table.clock.mono();
    return [...this.#table.announced.values()]
      .filter(({ goneAt }) => now < goneAt)
      .map(({ info }) => structuredClone(info));
  }

  async alive(id: string): Promise<boolean> {
    this.#gate.pass();
    return [...this.#table.open].some((registry) => registry.#node === id);
  }

  async close(): Promise<void> {
    this.#gate.shut();
    this.#table.open.delete(this);
    for (const [id, { by }] of this.#table.announced)
      if (by === this) this.#table.announced.delete(id);
  }
}
