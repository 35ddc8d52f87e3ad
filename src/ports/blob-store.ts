/**
 * Bytes by digest: values too large for an event. Content never changes, so a put is idempotent and a
 * cache is always right.
 */
export interface BlobStore {
  /** Stores under the SHA-256 (base64url) of the bytes and returns it. Durable when it resolves. */
  put(bytes: Uint8Array): Promise<string>;
  /** The bytes, verified against their digest; undefined when unknown. */
  get(digest: string): Promise<Uint8Array | undefined>;
  has(digest: string): Promise<boolean>;
  /** True if there was something to delete. */
  delete(digest: string): Promise<boolean>;
  close(): Promise<void>;
}
