/** Statements about blobs. Those that change something are to be called inside a transaction. */
import type { StatementSync } from "node:sqlite";
import type { Backend } from "./backend.ts";

/** A blob that is there as a whole. */
export interface BlobRow {
  readonly id: number;
  /** Length in bytes. */
  readonly size: number;
}

export class BlobTable {
  readonly #backend: Backend;
  readonly #find: StatementSync;
  readonly #piece: StatementSync;
  readonly #begin: StatementSync;
  readonly #add: StatementSync;
  readonly #complete: StatementSync;
  readonly #deletePieces: StatementSync;
  readonly #delete: StatementSync;

  constructor(backend: Backend) {
    const { db } = backend;
    this.#backend = backend;
    const here = "namespace = ? AND digest = ?";
    this.#find = db.prepare(`SELECT id, size FROM blobs WHERE ${here} AND holder IS NULL`);
    this.#piece = db.prepare("SELECT bytes FROM blob_pieces WHERE blob = ? AND nth = ?");
    this.#begin = db.prepare(
      `INSERT INTO blobs (namespace, digest, size, holder) VALUES (?, ?, ?, ?)
       ON CONFLICT (namespace, digest) DO NOTHING`,
    );
    this.#add = db.prepare(
      `INSERT INTO blob_pieces (blob, nth, bytes) SELECT id, ?, ? FROM blobs WHERE ${here}
       ON CONFLICT (blob, nth) DO NOTHING`,
    );
    this.#complete = db.prepare(
      `UPDATE blobs SET holder = NULL WHERE ${here} AND size =
         (SELECT sum(length(bytes)) FROM blob_pieces WHERE blob = blobs.id)`,
    );
    this.#deletePieces = db.prepare(
      `DELETE FROM blob_pieces WHERE blob = (SELECT id FROM blobs WHERE ${here})`,
    );
    this.#delete = db.prepare(`DELETE FROM blobs WHERE ${here}`);
  }

  /** Undefined for a blob of which pieces are still missing. */
  find(digest: string): BlobRow | undefined {
    return this.#find.get(this.#backend.namespace, digest) as unknown as BlobRow | undefined;
  }

  piece(blob: number, nth: number): Uint8Array | undefined {
    return this.#piece.get(blob, nth)?.["bytes"] as Uint8Array | undefined;
  }

  /** Adds a piece, if nobody has added it before; the first of them makes the blob, unfinished. */
  addPiece(digest: string, size: number, nth: number, bytes: Uint8Array): void {
    const { namespace, holder } = this.#backend;
    this.#begin.run(namespace, digest, size, holder);
    this.#add.run(nth, bytes, namespace, digest);
  }

  /** Makes the blob visible if its pieces are all there; otherwise removes what is. */
  complete(digest: string): void {
    if (this.#complete.run(this.#backend.namespace, digest).changes === 0) this.delete(digest);
  }

  /** True if there was a visible blob. */
  delete(digest: string): boolean {
    const visible = this.find(digest) !== undefined;
    this.#deletePieces.run(this.#backend.namespace, digest);
    this.#delete.run(this.#backend.namespace, digest);
    return visible;
  }
}
