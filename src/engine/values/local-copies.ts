/**
 * Values of runs that this node has: those it made and those it fetched. Kept by content; a value that
 * several results share goes with the last of them.
 */
import { isMillraceError, MillraceError } from "../../kernel/errors.ts";
import type { KeptValue, NodeValues } from "../../ports/node-values.ts";
import type { Engine } from "../engine.ts";

/** @param what what became of the value, as in "does not have it any more" */
export const lost = (node: string, digest: string, what: string): MillraceError =>
  new MillraceError("E_VALUE_LOST", `value ${digest}: node ${node} ${what}; compute it again`, {
    details: { node, digest },
  });

/** The value was there, on a node, and is not any more. */
export const isLost = (error: unknown): boolean =>
  isMillraceError(error, "E_NODE_GONE") || isMillraceError(error, "E_VALUE_LOST");

const copies = new WeakMap<NodeValues, LocalCopies>();

/** Those of this process: whoever lets go of one must know who else has a use for it. */
export function copiesOf({ store, node }: Pick<Engine, "store" | "node">): LocalCopies {
  const known = copies.get(store.values) ?? new LocalCopies(store.values, node);
  copies.set(store.values, known);
  return known;
}

/**
 * Values are dropped only while none is being kept: the bytes that one result needs no more may be just
 * coming in for another.
 */
export class LocalCopies {
  readonly #values: NodeValues;
  readonly #node: string;
  /** Digest by result, by run. */
  readonly #runs = new Map<string, Map<string, string>>();
  /** How many results a digest serves. */
  readonly #uses = new Map<string, number>();
  readonly #fetching = new Map<string, Promise<KeptValue>>();
  /** To be dropped as soon as nothing is being kept, if they still serve nothing. */
  readonly #idle = new Set<string>();
  #keeping = 0;
  #dropping: Promise<unknown> | undefined;

  constructor(values: NodeValues, node: string) {
    this.#values = values;
    this.#node = node;
  }

  /**
   * Keeps the bytes for a result, in place of what it had.
   * @param register makes known that they are here; of two at once for one result, the one that was
   * registered last stays
   */
  keep(
    run: string,
    id: string,
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    register: (kept: KeptValue) => Promise<void>,
  ): Promise<KeptValue> {
    return this.#whileKeeping(async () => {
      const kept = await this.#values.keep(pieces);
      await register(kept);
      this.#use(run, id, kept.digest);
      return kept;
    });
  }

  /** The bytes of a value; undefined when this node does not have it. */
  read(digest: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    return digest === "" ? Promise.resolve(undefined) : this.#values.read(this.#node, digest);
  }

  /**
   * Copies a value from the node that has it. Asked again while it comes, it comes once.
   * @throws MillraceError `E_NODE_GONE`, `E_VALUE_LOST` when the node does not have it any more, or has
   * other bytes
   */
  async fetch(run: string, id: string, node: string, digest: string): Promise<void> {
    const key = `${node} ${digest}`;
    await this.#whileKeeping(async () => {
      const fetching =
        this.#fetching.get(key) ??
        this.#fetch(node, digest).finally(() => this.#fetching.delete(key));
      this.#fetching.set(key, fetching);
      await fetching;
      this.#use(run, id, digest);
    });
  }

  /** Lets go of all values of a run. */
  async clear(run: string): Promise<void> {
    const digests = [...(this.#runs.get(run)?.values() ?? [])];
    this.#runs.delete(run);
    for (const digest of digests) this.#letGo(digest);
    await this.#drop();
  }

  async #fetch(node: string, digest: string): Promise<KeptValue> {
    const pieces = await this.#values.read(node, digest);
    if (pieces === undefined) throw lost(node, digest, "does not have it any more");
    const kept = await this.#values.keep(pieces);
    if (kept.digest === digest) return kept;
    if (!this.#uses.has(kept.digest)) this.#idle.add(kept.digest);
    throw lost(node, digest, `sent ${kept.bytes} bytes that are not it`);
  }

  #use(run: string, id: string, digest: string): void {
    const results = this.#runs.get(run) ?? new Map<string, string>();
    this.#runs.set(run, results);
    const before = results.get(id);
    if (before === digest) return;
    results.set(id, digest);
    this.#uses.set(digest, (this.#uses.get(digest) ?? 0) + 1);
    if (before !== undefined) this.#letGo(before);
  }

  #letGo(digest: string): void {
    const left = (this.#uses.get(digest) ?? 1) - 1;
    if (left > 0) this.#uses.set(digest, left);
    else {
      this.#uses.delete(digest);
      this.#idle.add(digest);
    }
  }

  async #whileKeeping<T>(work: () => Promise<T>): Promise<T> {
    while (this.#dropping !== undefined) await this.#dropping;
    this.#keeping++;
    try {
      return await work();
    } finally {
      this.#keeping--;
      await this.#drop();
    }
  }

  async #drop(): Promise<void> {
    if (this.#keeping > 0 || this.#dropping !== undefined || this.#idle.size === 0) return;
    const digests = [...this.#idle].filter((digest) => !this.#uses.has(digest));
    this.#idle.clear();
    this.#dropping = Promise.all(digests.map((digest) => this.#values.drop(digest)));
    try {
      await this.#dropping;
    } finally {
      this.#dropping = undefined;
    }
  }
}
