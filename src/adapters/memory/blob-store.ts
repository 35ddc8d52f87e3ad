/** Blobs in memory. Nobody else can reach the stored copies, so reading needs no second digest. */
import { digest } from "../../kernel/json.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import { Gate } from "./gate.ts";

/** One opening of a shared map from digest to bytes. */
export class MemoryBlobStore implements BlobStore {
  readonly #gate = new Gate("blob store");
  readonly #blobs: Map<string, Uint8Array>;

  constructor(blobs: Map<string, Uint8Array>) {
    this.#blobs = blobs;
  }

  async put(bytes: Uint8Array): Promise<string> {
    this.#gate.pass();
    const key = digest(bytes);
    if (!this.#blobs.has(key)) this.#blobs.set(key, bytes.slice());
    return key;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    this.#gate.pass();
    return this.#blobs.get(key)?.slice();
  }

  async has(key: string): Promise<boolean> {
    this.#gate.pass();
    return this.#blobs.has(key);
  }

  async delete(key: string): Promise<boolean> {
    this.#gate.pass();
    return this.#blobs.delete(key);
  }

  async close(): Promise<void> {
    this.#gate.shut();
  }
}
