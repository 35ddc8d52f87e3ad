/**
 * Views in a key-value bucket. One that does not fit into a message lies in the object store, with
 * its position beside it; the bucket then holds no more than a mark that says so.
 */
import { Buffer } from "node:buffer";
import type { KV, KvEntry } from "@nats-io/kv";
import { MillraceError } from "../../kernel/errors.ts";
import { type Cursor, isAhead, isNews, parseCursor, printCursor } from "../../ports/cursor.ts";
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
/** Added to it where the position is a printed cursor on a line of its own: of a log of several partitions. */
const OF_PARTITIONS = 2;
const LINE_END = 10;

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

  async load(key: string, aheadOf?: Cursor): Promise<SavedView | undefined> {
    const ask = this.#ask("load", key);
    const kept = keptIn(await this.#entry(ask, key));
    if (kept !== undefined && !isNews(kept.view.position, aheadOf)) return undefined;
    if (kept?.where !== IN_OBJECTS) return kept?.view;
    const object = await this.#places.objects.get(ask, objectName(key));
    const position = object && parseCursor(object.metadata["position"] ?? "");
    return object && position !== undefined ? { position, bytes: object.bytes } : undefined;
  }

  async save(key: string, view: SavedView): Promise<void> {
    const ask = this.#ask("save", key);
    const { bucket, objects } = this.#places;
    const large = view.bytes.length > INLINE_BYTES_MAX;
    const { where, bytes } = large
      ? { where: IN_OBJECTS, bytes: new Uint8Array(0) }
      : { where: HERE, bytes: view.bytes };
    const value = entryValue(where, { position: view.position, bytes });
    const replaced = await calling(this.#link, ask, async () => {
      const entry = await bucket.get(key);
      const kept = keptIn(entry);
      if (kept && isAhead(kept.view.position, view.position)) return undefined;
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

  /** False if an object that is further is there. */
  #saveLarge(ask: Ask, key: string, { position, bytes }: SavedView): Promise<boolean> {
    const value = { bytes: new Uint8Array(bytes), metadata: { position: printCursor(position) } };
    return this.#places.objects.put(ask, objectName(key), value, (present) => {
      const kept = parseCursor(present?.metadata?.["position"] ?? "");
      return kept === undefined || !isAhead(kept, position);
    });
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

function entryValue(where: number, { position, bytes }: SavedView): Uint8Array {
  if (typeof position === "number") {
    return Buffer.concat([Uint8Array.of(where), withPosition(position, bytes)]);
  }
  const line = Buffer.from(`${printCursor(position)}\n`);
  return Buffer.concat([Uint8Array.of(where + OF_PARTITIONS), line, bytes]);
}

function keptIn(entry: KvEntry | null): Kept | undefined {
  if (entry === null || entry.operation !== "PUT") return undefined;
  const { value } = entry;
  const kind = value[0] ?? HERE;
  if (kind < OF_PARTITIONS) {
    const view = positioned(value.subarray(1));
    return view && { where: kind, view };
  }
  const end = value.indexOf(LINE_END);
  const position: Cursor | undefined = parseCursor(
    Buffer.from(value.subarray(1, end)).toString("latin1"),
  );
  const bytes = new Uint8Array(value.subarray(end + 1));
  return position === undefined
    ? undefined
    : { where: kind - OF_PARTITIONS, view: { position, bytes } };
}

const unusable = (key: string): MillraceError =>
  new MillraceError(
    "E_ID_INVALID",
    `view key ${JSON.stringify(key.slice(0, 64))} is not usable: 1 to 201 characters of A-Z a-z 0-9 _ . -, the first a letter or a digit`,
  );
