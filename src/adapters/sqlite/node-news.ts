/**
 * What nodes have said since somebody looked last. Every commit of another process may hold news of a
 * node, and hardly any does: so the table is read a few times a second at most.
 */
import type { StatementSync } from "node:sqlite";
import type { CancelTimer } from "../../kernel/clock.ts";
import type { NodeInfo, NodeListener } from "../../ports/node-registry.ts";
import type { Backend } from "./backend.ts";
import { faultOf } from "./faults.ts";
import type { Holders } from "./holders.ts";

/** Between two looks for which other processes gave the reason. */
const LOOK_EVERY_MS = 100;

export class NodeNews {
  readonly #backend: Backend;
  readonly #holders: Holders;
  readonly #rows: StatementSync;
  readonly #listeners = new Set<NodeListener>();
  /** What each node said last, as the listeners know it. */
  #known = new Map<string, string>();
  #stops: readonly (() => void)[] = [];
  #later: CancelTimer | undefined;

  constructor(backend: Backend, holders: Holders) {
    this.#backend = backend;
    this.#holders = holders;
    this.#rows = backend.db.prepare("SELECT node, info FROM nodes WHERE namespace = ?");
  }

  /** Tells the listener all from now on, until the returned function is called. */
  tell(listener: NodeListener): () => void {
    if (this.#stops.length === 0) {
      this.#known = this.#read() ?? new Map();
      this.#stops = [
        this.#backend.foreign.listen(() => this.#lookLater()),
        // What dead processes announced is taken off the list, by this process or by another.
        this.#holders.watch(() => this.look()),
      ];
    }
    const own: NodeListener = {
      said: (info) => listener.said(info),
      left: (id) => listener.left(id),
    };
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
      if (this.#listeners.size === 0) this.close();
    };
  }

  /** Looks at once: this process has written something. */
  look(): void {
    if (this.#listeners.size === 0) return;
    const known = this.#known;
    const now = this.#read();
    if (now === undefined) return;
    this.#known = now;
    for (const [id, info] of now) {
      if (known.get(id) === info) continue;
      for (const listener of [...this.#listeners]) listener.said(JSON.parse(info) as NodeInfo);
    }
    for (const id of known.keys()) {
      if (now.has(id)) continue;
      for (const listener of [...this.#listeners]) listener.left(id);
    }
  }

  close(): void {
    this.#listeners.clear();
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.#later?.();
    this.#later = undefined;
  }

  #lookLater(): void {
    this.#later ??= this.#backend.world.clock.after(LOOK_EVERY_MS, () => {
      this.#later = undefined;
      this.look();
    });
  }

  /** Undefined when the file cannot be read now: the next commit is a reason to look again. */
  #read(): Map<string, string> | undefined {
    try {
      const rows = this.#rows.all(this.#backend.namespace);
      return new Map(rows.map(({ node, info }) => [String(node), String(info)]));
    } catch (error) {
      if (faultOf(error) === undefined) throw error;
      return undefined;
    }
  }
}
