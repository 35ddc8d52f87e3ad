/**
 * Values by digest. A large one is written and read in pieces, one per turn, so that it holds up
 * neither this process nor the others; it is there once its last piece is.
 */
import { MillraceError } from "../../kernel/errors.ts";
import { digest as digestOf } from "../../kernel/json.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { Access, Backend } from "./backend.ts";
import { type BlobRow, BlobTable } from "./blob-table.ts";

/** Writing a piece takes some milliseconds. */
const PIECE_BYTES = 1024 * 1024;

export class SqliteBlobStore implements BlobStore {
  readonly #backend: Backend;
  readonly #access: Access;
  readonly #table: BlobTable;

  constructor(backend: Backend) {
    this.#backend = backend;
    this.#access = backend.access();
    this.#table = new BlobTable(backend);
  }

  async put(bytes: Uint8Array): Promise<string> {
    const digest = digestOf(bytes);
    const last = Math.max(0, Math.ceil(bytes.byteLength / PIECE_BYTES) - 1);
    const add = (nth: number): void => {
      const piece = bytes.subarray(nth * PIECE_BYTES, (nth + 1) * PIECE_BYTES);
      this.#table.addPiece(digest, bytes.byteLength, nth, piece);
    };
    // A second round only if another process deleted the blob, or died putting it, meanwhile.
    while (!(await this.has(digest))) {
      for (let nth = 0; nth < last; nth += 1)
        await this.#access.write({ durable: false, run: () => add(nth) });
      await this.#access.write({
        durable: true,
        run: () => {
          add(last);
          this.#table.complete(digest);
        },
      });
    }
    return digest;
  }

  /** @throws MillraceError `E_LOG_CORRUPT` when the stored bytes are not those that were put */
  async get(digest: string): Promise<Uint8Array | undefined> {
    const row = await this.#access.read(() => this.#table.find(digest));
    if (row === undefined) return undefined;
    const bytes = await this.#assemble(row);
    if (bytes && digestOf(bytes) === digest) return bytes;
    const now = await this.#access.read(() => this.#table.find(digest));
    if (now?.id !== row.id) return this.get(digest);
    throw new MillraceError(
      "E_LOG_CORRUPT",
      `the bytes of blob ${digest} were changed in ${this.#backend.db.path}; restore it from a copy`,
      { details: { digest } },
    );
  }

  has(digest: string): Promise<boolean> {
    return this.#access.read(() => this.#table.find(digest) !== undefined);
  }

  delete(digest: string): Promise<boolean> {
    return this.#access.write({ durable: true, run: () => this.#table.delete(digest) });
  }

  async close(): Promise<void> {
    this.#access.close();
  }

  /** Undefined when a piece is missing: the blob was deleted while it was being read. */
  async #assemble({ id, size }: BlobRow): Promise<Uint8Array | undefined> {
    const bytes = new Uint8Array(size);
    for (let [nth, at] = [0, 0]; at < size; nth += 1) {
      const piece = await this.#access.read(() => this.#table.piece(id, nth));
      if (piece === undefined || at + piece.byteLength > size) return undefined;
      bytes.set(piece, at);
      at += piece.byteLength;
      if (at < size) await this.#backend.world.clock.turn();
    }
    return bytes;
  }
}
