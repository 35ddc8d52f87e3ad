/** The node registry in memory. A process is alive as long as a store of its name is open. */
import type { Clock } from "../../kernel/clock.ts";
import { limits } from "../../kernel/limits.ts";
import type { NodeInfo, NodeListener, NodeRegistry } from "../../ports/node-registry.ts";
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
  readonly listeners = new Set<NodeListener>();
  /** The time of the registry itself, whoever uses it. */
  readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Later, so that a listener that announces something cannot upset the order. */
  tell(what: (listener: NodeListener) => void): void {
    queueMicrotask(() => {
      for (const listener of [...this.listeners]) what(listener);
    });
  }
}

/** One opening of a `NodeTable`, by the process called `node`. */
export class MemoryNodeRegistry implements NodeRegistry {
  readonly #gate = new Gate("node registry");
  readonly #table: NodeTable;
  readonly #node: string;
  readonly #stops = new Set<() => void>();

  constructor(table: NodeTable, node: string) {
    this.#table = table;
    this.#node = node;
    table.open.add(this);
  }

  async announce(info: NodeInfo): Promise<void> {
    this.#gate.pass();
    const goneAt = this.#table.clock.mono() + limits.nodeGoneMs;
    const said = structuredClone(info);
    this.#table.announced.set(info.id, { info: said, by: this, goneAt });
    this.#table.tell((listener) => listener.said(structuredClone(said)));
  }

  async withdraw(id: string): Promise<void> {
    this.#gate.pass();
    this.#remove(id);
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

  async watch(listener: NodeListener): Promise<() => void> {
    this.#gate.pass();
    // A listener of its own for each watch, though the same one may watch twice.
    const own: NodeListener = {
      said: (info) => listener.said(info),
      left: (id) => listener.left(id),
    };
    const stop = (): void => {
      this.#table.listeners.delete(own);
      this.#stops.delete(stop);
    };
    this.#table.listeners.add(own);
    this.#stops.add(stop);
    return stop;
  }

  async close(): Promise<void> {
    this.#gate.shut();
    for (const stop of [...this.#stops]) stop();
    this.#table.open.delete(this);
    for (const [id, { by }] of this.#table.announced) if (by === this) this.#remove(id);
  }

  #remove(id: string): void {
    if (this.#table.announced.delete(id)) this.#table.tell((listener) => listener.left(id));
  }
}
