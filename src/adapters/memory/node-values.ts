/** Values that live on nodes, where all nodes live in one process. */
import { createHash } from "node:crypto";
import type { KeptValue, NodeValues } from "../../ports/node-values.ts";
import { nodeGone } from "../node-gone.ts";
import { Gate } from "./gate.ts";

/** Who is open, as all openings of a backend share it. */
export type ValueTable = Set<MemoryNodeValues>;

/** One opening, by the process called `node`. */
export class MemoryNodeValues implements NodeValues {
  readonly #gate = new Gate("values of the node");
  readonly #table: ValueTable;
  readonly #node: string;
  readonly #kept = new Map<string, readonly Uint8Array[]>();

  constructor(table: ValueTable, node: string) {
    this.#table = table;
    this.#node = node;
    table.add(this);
  }

  async keep(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<KeptValue> {
    this.#gate.pass();
    const hash = createHash("sha256");
    const copies: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of pieces) {
      hash.update(piece);
      bytes += piece.length;
      for (let at = 0; at < piece.length; at += PIECE_BYTES) {
        copies.push(piece.slice(at, at + PIECE_BYTES));
      }
    }
    this.#gate.pass();
    const digest = hash.digest("base64url");
    this.#kept.set(digest, copies);
    return { digest, bytes };
  }

  async read(node: string, digest: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    this.#gate.pass();
    const there = [...this.#table].filter((values) => values.#node === node);
    if (there.length === 0) throw nodeGone(node);
    for (const values of there) {
      const kept = values.#kept.get(digest);
      if (kept !== undefined) return values.#pieces(kept);
    }
    return undefined;
  }

  async drop(digest: string): Promise<boolean> {
    this.#gate.pass();
    return this.#kept.delete(digest);
  }

  async close(): Promise<void> {
    this.#gate.shut();
    this.#table.delete(this);
    this.#kept.clear();
  }

  async *#pieces(kept: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
    for (const piece of kept) {
      if (this.#gate.isShut) throw nodeGone(this.#node);
      yield piece.slice();
    }
  }
}

const PIECE_BYTES = 256 * 1024;
