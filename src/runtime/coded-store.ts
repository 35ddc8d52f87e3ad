/**
 * A store to which nothing of what users hand over leaves the process as it is: large values, what waits
 * in inboxes, and saved views go through the codecs that frames go through (`OpenOptions.codecs`). Ids,
 * workflow and step names on subjects and in tickets stay readable.
 *
 *   MRC1 <codec>\n<encoded bytes>      what was written before there was a codec has no such line
 */
import { type FrameCodec, plainCodec } from "../events/frame.ts";
import { MillraceError } from "../kernel/errors.ts";
import type { BlobStore } from "../ports/blob-store.ts";
import type { Inbox, StoredInput } from "../ports/inbox.ts";
import type { Store } from "../ports/store.ts";
import type { ViewStore } from "../ports/view-store.ts";

const MAGIC = "MRC1 ";
const LINE_MAX = MAGIC.length + 33;

/** The store, behind the codecs: the first writes, all read. With none but the plain one it is the store itself. */
export function codedStore(store: Store, codecs: readonly [FrameCodec, ...FrameCodec[]]): Store {
  if (codecs.every(({ id }) => id === plainCodec.id)) return store;
  const coder = coderOf(codecs);
  return {
    ...store,
    blobs: codedBlobs(store.blobs, coder),
    inbox: codedInbox(store.inbox, coder),
    views: codedViews(store.views, coder),
    describe: () => store.describe(),
    close: () => store.close(),
  };
}

interface Coder {
  /** @param place binds the bytes to where they lie: what is moved elsewhere cannot be read there */
  encode(bytes: Uint8Array, place: string): Uint8Array;
  /** Undefined when they cannot be read: a key that is missing, or bytes that were changed. */
  decode(bytes: Uint8Array, place: string): Uint8Array | undefined;
}

function coderOf([first, ...others]: readonly [FrameCodec, ...FrameCodec[]]): Coder {
  const known = new Map([plainCodec, ...others, first].map((codec) => [codec.id, codec]));
  return {
    encode: (bytes, place) =>
      Buffer.concat([Buffer.from(`${MAGIC}${first.id}\n`), first.encode(bytes, place)]),
    decode(bytes, place) {
      const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (buffer.toString("latin1", 0, MAGIC.length) !== MAGIC) return bytes;
      const line = buffer.subarray(0, LINE_MAX).indexOf(10);
      const codec = known.get(buffer.toString("latin1", MAGIC.length, Math.max(line, 0)));
      if (codec === undefined) return undefined;
      try {
        return codec.decode(buffer.subarray(line + 1), place);
      } catch {
        // Whatever it is (a wrong key, changed bytes, a codec's own bug), they cannot be read here.
        return undefined;
      }
    },
  };
}

/** Blobs are found by the digest of what is stored, so equal values are equal blobs only if the codec says so. */
const codedBlobs = (blobs: BlobStore, coder: Coder): BlobStore => ({
  put: (bytes) => blobs.put(coder.encode(bytes, "blob")),
  async get(digest) {
    const stored = await blobs.get(digest);
    if (stored === undefined) return undefined;
    const bytes = coder.decode(stored, "blob");
    if (bytes !== undefined) return bytes;
    throw new MillraceError(
      "E_STORE_MISSING",
      `the blob ${digest} is there and cannot be decoded; give open() the codec, and the key, that it was written with`,
      { details: { blob: digest } },
    );
  },
  has: (digest) => blobs.has(digest),
  delete: (digest) => blobs.delete(digest),
  close: () => blobs.close(),
});

/** What cannot be decoded is handed on as it is: its host records it as unreadable, and goes on. */
function codedInbox(inbox: Inbox, coder: Coder): Inbox {
  const decoded = (run: string, input: StoredInput): StoredInput => ({
    position: input.position,
    bytes: coder.decode(input.bytes, run) ?? input.bytes,
  });
  return {
    post: (run, bytes) => inbox.post(run, coder.encode(bytes, run)),
    read: async (run, after) => (await inbox.read(run, after)).map((input) => decoded(run, input)),
    watch: (run, onInput, onGap) =>
      inbox.watch(run, (input) => onInput(decoded(run, input)), onGap),
    discard: (run, upTo) => inbox.discard(run, upTo),
    close: () => inbox.close(),
  };
}

/** A saved view that cannot be decoded is as good as none: it is folded from the log again. */
const codedViews = (views: ViewStore, coder: Coder): ViewStore => ({
  async load(key, aheadOf) {
    const saved = await views.load(key, aheadOf);
    const bytes = saved && coder.decode(saved.bytes, key);
    return saved && bytes && { ...saved, bytes };
  },
  save: (key, view) => views.save(key, { ...view, bytes: coder.encode(view.bytes, key) }),
  delete: (key) => views.delete(key),
  close: () => views.close(),
});
