/** Values by digest, one row each: far below SQLite's limit of 10^9 bytes (`limits.valueBytesMax`). */
import type { StatementSync } from "node:sqlite";
import { MillraceError } from "../../kernel/errors.ts";
import { digest as digestOf } from "../../kernel/json.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { Access, Backend } from "./backend.ts";

export class SqliteBlobStore implements BlobStore {
  readonly #backend: Backend;
  readonly #access: Access;
  readonly #put: StatementSync;
  readonly #get: StatementSync;
  readonly #has: StatementSync;
  readonly #delete: StatementSync;

  constructor(backend: Backend) {
    const { db } = backend;
    this.#backend = backend;
    this.#access = backend.access();
    this.#put = db.prepare("INSERT INTO blobs (namespace, digest, bytes) VALUES (?, ?, ?)");
    this.#get = db.prepare("SELECT bytes FROM blobs WHERE namespace = ? AND digest = ?");
    this.#has = db.prepare("SELECT 1 FROM blobs WHERE namespace = ? AND digest = ?");
    this.#delete = db.prepare("DELETE FROM blobs WHERE namespace = ? AND digest = ?");
  }

  async put(bytes: Uint8Array): Promise<string> {
    const digest = digestOf(bytes);
    await this.#access.write({
      durable: true,
      run: () => {
        if (!this.#isThere(digest)) this.#put.run(this.#backend.namespace, digest, bytes);
      },
    });
    return digest;
  }

  /** @throws MillraceError `E_LOG_CORRUPT` when the stored bytes are no longer those that were put */
  get(digest: string): Promise<Uint8Array | undefined> {
    return this.#access.read(() => {
      const row = this.#get.get(this.#backend.namespace, digest);
      const bytes = row?.["bytes"] as Uint8Array | undefined;
      if (bytes === undefined || digestOf(bytes) === digest) return bytes;
      throw new MillraceError(
        "E_LOG_CORRUPT",
        `blob ${digest} in ${this.#backend.db.path} has other bytes than were put; restore the file from a copy`,
        { details: { digest } },
      );
    });
  }

  has(digest: string): Promise<boolean> {
    return this.#access.read(() => this.#isThere(digest));
  }

  delete(digest: string): Promise<boolean> {
    return this.#access.write({
      durable: true,
      run: () => this.#delete.run(this.#backend.namespace, digest).changes === 1,
    });
  }

  async close(): Promise<void> {
    this.#access.close();
  }

  #isThere(digest: string): boolean {
    return this.#has.get(this.#backend.namespace, digest) !== undefined;
  }
}
