/** A kept value: SHA-256 (base64url) and number of its bytes. */
export interface KeptValue {
  readonly digest: string;
  readonly bytes: number;
}

/**
 * Values that live on the node that made them, and end with it: nothing durable, nothing shared. Any
 * size goes through in pieces; neither side ever holds more than a few of them.
 *
 * - `keep` stores what the pieces hold, on this node; the same bytes twice are kept once. What the
 *   iteration throws is thrown on, and nothing is kept.
 * - `read` gives the bytes of a value that `node` keeps, in pieces of at most 1 MiB, at the reader's
 *   own pace; undefined when that node is there and does not have it. It rejects with E_NODE_GONE when
 *   the node is gone or does not answer, also in the middle of the reading. Nobody checks the bytes:
 *   the reader compares their digest.
 * - `drop` forgets a value of this node; true if it had it.
 * - After `close`, every call rejects with E_STORE_CLOSED, and to the others the node is gone.
 */
export interface NodeValues {
  keep(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<KeptValue>;
  read(node: string, digest: string): Promise<AsyncIterable<Uint8Array> | undefined>;
  drop(digest: string): Promise<boolean>;
  close(): Promise<void>;
}
