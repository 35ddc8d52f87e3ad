/**
 * Which process holds what. Every open store has a row that names its process; what a dead process
 * held is given back as soon as somebody looks, without waiting for a lease to run out.
 */
import type { StatementSync } from "node:sqlite";
import type { CancelTimer } from "../../kernel/clock.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import { isGone, type ProcessIdentity } from "../process-identity.ts";
import type { Backend } from "./backend.ts";
import { faultOf } from "./faults.ts";

/** How often a process that waits for tickets looks whether the other processes are still there. */
const LOOK_EVERY_MS = 50;

interface HolderRow extends ProcessIdentity {
  readonly id: number;
}

export class Holders {
  readonly #backend: Backend;
  readonly #others: StatementSync;
  readonly #ofNode: StatementSync;
  readonly #release: StatementSync;
  readonly #withdraw: StatementSync;
  readonly #abandon: StatementSync;
  readonly #abandonPieces: StatementSync;
  readonly #delete: StatementSync;
  readonly #watchers = new Set<() => void>();
  #timer: CancelTimer | undefined;

  constructor(backend: Backend) {
    const { db } = backend;
    this.#backend = backend;
    this.#others = db.prepare("SELECT id, pid, started, scope FROM holders WHERE id <> ?");
    this.#ofNode = db.prepare(
      "SELECT id, pid, started, scope FROM holders WHERE namespace = ? AND node = ?",
    );
    this.#release = db.prepare(
      "UPDATE tickets SET due = 0, token = NULL, holder = NULL WHERE holder = ?",
    );
    this.#withdraw = db.prepare("DELETE FROM nodes WHERE holder = ?");
    this.#abandonPieces = db.prepare(
      "DELETE FROM blob_pieces WHERE blob IN (SELECT id FROM blobs WHERE holder = ?)",
    );
    this.#abandon = db.prepare("DELETE FROM blobs WHERE holder = ?");
    this.#delete = db.prepare("DELETE FROM holders WHERE id = ?");
  }

  /** False only when every store that was opened as `node` was closed, or its process is gone. */
  isAlive(node: string): boolean {
    const rows = this.#ofNode.all(this.#backend.namespace, node) as unknown as HolderRow[];
    return rows.some((row) => !isGone(row));
  }

  /**
   * Gives back what dead processes held, now and until the returned function is called; `onFreed`
   * is called each time it did.
   */
  watch(onFreed: () => void): () => void {
    this.#watchers.add(onFreed);
    if (this.#timer === undefined) this.#look();
    return () => {
      this.#watchers.delete(onFreed);
      if (this.#watchers.size > 0) return;
      this.#timer?.();
      this.#timer = undefined;
    };
  }

  /** Gives back the tickets that this store holds. To be called inside a transaction. */
  release(holder = this.#backend.holder): void {
    this.#release.run(holder);
  }

  /** Takes the nodes announced through this store off the list. Inside a transaction. */
  withdraw(holder = this.#backend.holder): void {
    this.#withdraw.run(holder);
  }

  /** The store is closed, or its process gone: it holds nothing any more. Inside a transaction. */
  leave(holder = this.#backend.holder): void {
    this.release(holder);
    this.withdraw(holder);
    this.#abandonPieces.run(holder);
    this.#abandon.run(holder);
    this.#delete.run(holder);
  }

  #look(): void {
    this.#timer = this.#backend.world.clock.after(LOOK_EVERY_MS, () => this.#look());
    const dead = this.#findDead();
    if (dead.length === 0) return;
    const freed = this.#backend.commits.submit({
      durable: false,
      run: () => {
        for (const holder of dead) this.leave(holder);
      },
      committed: () => {
        for (const onFreed of this.#watchers) onFreed();
      },
    });
    void freed.catch((error: unknown) => {
      // Not lost: the rows are still there at the next look, here or in another process.
      if (!isMillraceError(error)) throw error;
    });
  }

  #findDead(): readonly number[] {
    try {
      const rows = this.#others.all(this.#backend.holder) as unknown as HolderRow[];
      return rows.filter(isGone).map((row) => row.id);
    } catch (error) {
      if (faultOf(error) === undefined) throw error;
      return [];
    }
  }
}
