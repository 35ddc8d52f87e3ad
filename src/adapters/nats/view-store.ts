/**
 * Views in a key-value bucket. One that does not fit into a message lies in the object store, with
 * its position beside it; the bucket then holds no more than a mark that says so.
 */
import { Buffer } from "node:buffer";
import type { KV, KvEntry } from "@nats-io/kv";
import { MillraceError } from "../../kernel/errors.ts";
import type { SavedView, ViewStore } from "../../ports/view-store.ts";
import { calling } from "./client-call.ts";
import { type Ask, closed, type Link } from "./link.ts";
import type { Objects } from "./objects.ts";
import { positioned, withPosition } from "./positioned.ts";

const KEY = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,200}$/;
/** Half of what a server takes by default. */
const INLINE_BYTES_MAX = 512 * 1024;

/** First byte of a value in the bucket: where the bytes are. */
const HERE = 0;
const IN_OBJECTS = 1;

/** Where views are kept: small ones in the bucket, large ones in the object store. */
export interface ViewPlaces {
  readonly bucket: KV;
  readonly objects: Objects;
  /** The bucket's stream, for messages. */
  readonly stream: string;
  /** Makes the bucket again after it was lost: views are disposable. */
  readonly restore: () => Promise<void>;
}

interface Kept {
  readonly where: number;
  readonly view: SavedView;
}

/** Names contain a dot, and so are never those of blobs. */
const objectName = (key: string): string => `view.${key}`;

export function natsViewStore(link: Link, places: ViewPlaces): ViewStore {
  return new NatsViewStore(link, places);
}

class NatsViewStore implements ViewStore {
  readonly #link: Link;
  readonly #places: ViewPlaces;
  #open = true;

  constructor(link: Link, places: ViewPlaces) {
    this.#link = link;
    this.#places = places;
  }

  async load(key: string): Promise<SavedView | undefined> {
    const ask = this.#ask("load", key);
    const kept = keptIn(await this.#entry(ask, key));
    if (kept?.where !== IN_OBJECTS) return kept?.view;
    const object = await this.#places.objects.get(ask, objectName(key));
    return object && { position: Number(object.metadata["position"]), bytes: object.bytes };
  }

  async save(key: string, view: SavedView): Promise<void> {
    const ask = this.#ask("save", key);
    const { bucket, objects } = this.#places;
    const large = view.bytes.length > INLINE_BYTES_MAX;
    const { where, bytes } = large
      ? { where: IN_OBJECTS, bytes: new Uint8Array(0) }
      : { where: HERE, bytes: view.bytes };
    const value = Buffer.concat([Uint8Array.of(where), withPosition(view.position, bytes)]);
    const replaced = await calling(this.#link, ask, async () => {
      const entry = await bucket.get(key);
      const kept = keptIn(entry);
      if (kept && kept.view.position > view.position) return undefined;
      if (large && !(await this.#saveLarge(ask, key, view))) return undefined;
      await bucket.put(key, value, { previousSeq: entry?.revision ?? 0 });
      return kept;
    });
    if (!large && replaced?.where === IN_OBJECTS) await objects.delete(ask, objectName(key));
  }

  async delete(key: string): Promise<void> {
    const ask = this.#ask("delete", key);
    const { bucket, objects } = this.#places;
    const kept = keptIn(await this.#entry(ask, key));
    if (kept === undefined) return;
    await calling(this.#link, ask, () => bucket.delete(key));
    if (kept.where === IN_OBJECTS) await objects.delete(ask, objectName(key));
  }

  async close(): Promise<void> {
    this.#open = false;
  }

  /** False if an object with a higher position is there. */
  #saveLarge(ask: Ask, key: string, { position, bytes }: SavedView): Promise<boolean> {
    const value = { bytes: new Uint8Array(bytes), metadata: { position: String(position) } };
    return this.#places.objects.put(
      ask,
      objectName(key),
      value,
      (present) => !(Number(present?.metadata?.["position"]) > position),
    );
  }

  #entry(ask: Ask, key: string): Promise<KvEntry | null> {
    return calling(this.#link, ask, () => this.#places.bucket.get(key));
  }

  #ask(what: string, key: string): Ask {
    if (!this.#open) throw closed("view store");
    if (!KEY.test(key)) throw unusable(key);
    const { stream, restore } = this.#places;
    return { what: `${what} view ${key}`, stream, restore };
  }
}

function keptIn(entry: KvEntry | null): Kept | undefined {
  if (entry === null || entry.operation !== "PUT") return undefined;
  const view = positioned(entry.value.subarray(1));
  return view && { where: entry.value[0] ?? HERE, view };
}

const unusable = (key: string): MillraceError =>
  new MillraceError(
    "E_ID_INVALID",
    `view key ${JSON.stringify(key.slice(0, 64))} is not usable: 1 to 201 characters of A-Z a-z 0-9 _ . -, the first a letter or a digit`,
  );
