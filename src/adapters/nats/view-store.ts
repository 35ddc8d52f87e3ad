/**
 * Views in a key-value bucket. One that does not fit into a message lies in the object store, with
 * its position beside it; the bucket then holds no more than a mark that says so.
 */
import type { KV, KvEntry } from "@nats-io/kv";
import type { ObjectStore } from "@nats-io/obj";
import { MillraceError } from "../../kernel/errors.ts";
import type { SavedView, ViewStore } from "../../ports/view-store.ts";
import { putObject } from "./blob-store.ts";
import { calling } from "./client-call.ts";
import { type Ask, closed, type Link } from "./link.ts";
import { positioned, withPosition } from "./positioned.ts";

const KEY = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,200}$/;
/** Half of what a server takes by default. */
const INLINE_BYTES_MAX = 512 * 1024;

/** First byte of a value in the bucket: where the bytes are. */
const HERE = 0;
const IN_OBJECTS = 1;

export interface ViewPlaces {
  readonly bucket: KV;
  readonly objects: ObjectStore;
  /** The bucket's stream, for messages. */
  readonly stream: string;
  /** Makes the bucket again after it was lost: views are disposable. */
  readonly restore: () => Promise<void>;
}

/** Names contain a dot, and so are never those of blobs. */
const objectName = (key: string): string => `view.${key}`;

export function natsViewStore(link: Link, places: ViewPlaces): ViewStore {
  const { bucket, objects, stream, restore } = places;
  let open = true;
  const ask = (what: string, key: string): Ask => {
    if (!open) throw closed("view store");
    if (!KEY.test(key)) throw unusable(key);
    return { what: `${what} view ${key}`, stream, restore };
  };
  const loadLarge = async (key: string): Promise<SavedView | undefined> => {
    const object = await objects.get(objectName(key));
    if (object === null) return undefined;
    const bytes = new Uint8Array(await new Response(object.data).arrayBuffer());
    const error = await object.error;
    if (error) throw error;
    return { position: Number(object.info.metadata?.["position"]), bytes };
  };
  /** False if a copy with a higher position is there. */
  const saveLarge = async (key: string, view: SavedView): Promise<boolean> => {
    const info = await objects.info(objectName(key));
    if (info && !info.deleted && Number(info.metadata?.["position"]) > view.position) return false;
    const metadata = { position: String(view.position) };
    await putObject(objects, objectName(key), view.bytes, info, metadata);
    return true;
  };
  return {
    async load(key) {
      return calling(link, ask("load", key), async () => {
        const value = savedIn(await bucket.get(key));
        if (value === undefined) return undefined;
        return value.where === IN_OBJECTS ? loadLarge(key) : value.view;
      });
    },
    async save(key, view) {
      await calling(link, ask("save", key), async () => {
        const entry = await bucket.get(key);
        const saved = savedIn(entry);
        if (saved && saved.view.position > view.position) return;
        const large = view.bytes.length > INLINE_BYTES_MAX;
        if (large && !(await saveLarge(key, view))) return;
        const value = encoded(large ? IN_OBJECTS : HERE, view);
        await bucket.put(key, value, { previousSeq: entry?.revision ?? 0 });
        if (!large && saved?.where === IN_OBJECTS) await objects.delete(objectName(key));
      });
    },
    async delete(key) {
      await calling(link, ask("delete", key), async () => {
        const saved = savedIn(await bucket.get(key));
        if (saved === undefined) return;
        await bucket.delete(key);
        if (saved.where === IN_OBJECTS) await objects.delete(objectName(key));
      });
    },
    async close() {
      open = false;
    },
  };
}

const encoded = (where: number, { position, bytes }: SavedView): Uint8Array =>
  Buffer.concat([
    Uint8Array.of(where),
    withPosition(position, where === HERE ? bytes : new Uint8Array(0)),
  ]);

function savedIn(
  entry: KvEntry | null,
): { readonly where: number; readonly view: SavedView } | undefined {
  if (entry === null || entry.operation !== "PUT") return undefined;
  return { where: entry.value[0] ?? HERE, view: positioned(entry.value.subarray(1)) };
}

const unusable = (key: string): MillraceError =>
  new MillraceError(
    "E_ID_INVALID",
    `view key ${JSON.stringify(key.slice(0, 64))} is not usable: 1 to 201 characters of A-Z a-z 0-9 _ . -, the first a letter or a digit`,
  );
