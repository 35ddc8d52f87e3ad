/** Saved projections: one row per key, of which the furthest position stays. */
import type { StatementSync } from "node:sqlite";
import { type Cursor, positionIn } from "../../ports/cursor.ts";
import type { SavedView, ViewStore } from "../../ports/view-store.ts";
import type { Access, Backend } from "./backend.ts";

/** Before the beginning: a copy may be of that. */
const NOWHERE = -1;

export class SqliteViewStore implements ViewStore {
  readonly #backend: Backend;
  readonly #access: Access;
  readonly #load: StatementSync;
  readonly #save: StatementSync;
  readonly #delete: StatementSync;

  constructor(backend: Backend) {
    const { db } = backend;
    this.#backend = backend;
    this.#access = backend.access();
    this.#load = db.prepare(
      "SELECT position, bytes FROM views WHERE namespace = ? AND key = ? AND position > ?",
    );
    this.#save = db.prepare(
      `INSERT INTO views (namespace, key, position, bytes) VALUES (?, ?, ?, ?)
       ON CONFLICT (namespace, key) DO UPDATE
         SET position = excluded.position, bytes = excluded.bytes
         WHERE excluded.position >= position`,
    );
    this.#delete = db.prepare("DELETE FROM views WHERE namespace = ? AND key = ?");
  }

  load(key: string, aheadOf?: Cursor): Promise<SavedView | undefined> {
    const after = aheadOf === undefined ? NOWHERE : positionIn(aheadOf);
    return this.#access.read(() => {
      const row = this.#load.get(this.#backend.namespace, key, after);
      return row as unknown as SavedView | undefined;
    });
  }

  async save(key: string, { position, bytes }: SavedView): Promise<void> {
    const at = positionIn(position);
    await this.#access.write({
      durable: false,
      run: () => this.#save.run(this.#backend.namespace, key, at, bytes),
    });
  }

  async delete(key: string): Promise<void> {
    await this.#access.write({
      durable: false,
      run: () => this.#delete.run(this.#backend.namespace, key),
    });
  }

  async close(): Promise<void> {
    this.#access.close();
  }
}
