/** Results that live on nodes: kept here, fetched from where they are, computed again when lost. */
import type { Engine } from "../engine/engine.ts";
import { copiesOf, isLost, type LocalCopies, lost } from "../engine/values/local-copies.ts";
import { toJson } from "../kernel/json.ts";
import type { KeptValue } from "../ports/node-values.ts";
import type { DataLocation } from "../projections/data-locations.ts";
import type { DataLocationRegistry } from "./data-locations.ts";
import { notFound } from "./result-refusals.ts";

/** What to do about a value that is not on this node. */
export interface FetchOptions {
  /** The node to fetch from. @default the one that is registered */
  readonly from?: string;
  /** Computes the value again when its node is gone; it then lives on this node. @default none */
  readonly recompute?: () => unknown;
}

type Pieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export class NodeResults {
  readonly #node: string;
  readonly #locations: DataLocationRegistry;
  readonly #copies: LocalCopies;

  constructor(engine: Engine, locations: DataLocationRegistry) {
    this.#node = engine.node;
    this.#locations = locations;
    this.#copies = copiesOf(engine);
  }

  /** Keeps the bytes on this node, and registers that they are here. */
  keep(dag: string, id: string, pieces: Pieces): Promise<KeptValue> {
    return this.#copies.keep(dag, id, pieces, (kept) =>
      this.#locations.registerLocation(dag, id, this.#node, kept),
    );
  }

  keepJson(dag: string, id: string, value: unknown): Promise<KeptValue> {
    const text = JSON.stringify(toJson(`result ${id}`, value));
    return this.keep(dag, id, [Buffer.from(text)]);
  }

  /** The bytes if this node has them. */
  read(digest: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    return this.#copies.read(digest);
  }

  /** The bytes from this node, else from where they are, else computed again. */
  async openOrAgain(
    dag: string,
    id: string,
    at: DataLocation,
    { from, recompute }: FetchOptions,
  ): Promise<AsyncIterable<Uint8Array>> {
    try {
      return (await this.#copies.read(at.digest)) ?? (await this.fetch(dag, id, at, from));
    } catch (error) {
      if (recompute === undefined || !isLost(error)) throw error;
    }
    const { digest } = await this.keepJson(dag, id, await recompute());
    return this.#opened(digest);
  }

  /** Copies the bytes to this node from another. */
  async fetch(
    dag: string,
    id: string,
    { node, digest }: DataLocation,
    from = node,
  ): Promise<AsyncIterable<Uint8Array>> {
    if (digest === "") throw notFound(dag, id, `node ${node} is registered without a value`);
    if (from === this.#node) throw lost(from, digest, "does not have it any more");
    await this.#copies.fetch(dag, id, from, digest);
    return this.#opened(digest);
  }

  /** Lets go of all that this node has of a run. */
  clear(dag: string): Promise<void> {
    return this.#copies.clear(dag);
  }

  async #opened(digest: string): Promise<AsyncIterable<Uint8Array>> {
    const here = await this.#copies.read(digest);
    if (here === undefined) throw lost(this.#node, digest, "was told to forget it meanwhile");
    return here;
  }
}
