/** Blobs in a NATS object store, each under its digest as name. */
import type { ObjectInfo, ObjectStore } from "@nats-io/obj";
import { MillraceError } from "../../kernel/errors.ts";
import { digest as digestOf } from "../../kernel/json.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import { calling } from "./client-call.ts";
import { type Ask, closed, type Link } from "./link.ts";

/** Larger parts are quicker; the server's limit for a message, by default 1 MiB, bounds them. */
const CHUNK_BYTES = 512 * 1024;
/** SHA-256 as base64url. Anything else is no digest, and must not reach the server as a name. */
const DIGEST = /^[A-Za-z0-9_-]{43}$/;

/** Puts an object unless another process puts the same name first; true if this one was put. */
export async function putObject(
  objects: ObjectStore,
  name: string,
  bytes: Uint8Array,
  present: ObjectInfo | null,
  metadata: Record<string, string> = {},
): Promise<void> {
  await objects.putBlob(
    { name, metadata, options: { max_chunk_size: CHUNK_BYTES } },
    new Uint8Array(bytes),
    { previousRevision: present?.revision ?? 0 },
  );
}

/** @param stream the stream that holds the objects, for messages */
export function natsBlobStore(link: Link, objects: ObjectStore, stream: string): BlobStore {
  let open = true;
  const ask = (what: string): Ask => {
    if (!open) throw closed("blob store");
    return { what: `${what} a blob`, stream };
  };
  const present = async (digest: string): Promise<ObjectInfo | null> => {
    const info = await objects.info(digest);
    return info?.deleted ? null : info;
  };
  return {
    async put(bytes) {
      const asked = ask("put");
      const name = digestOf(bytes);
      await calling(link, asked, async () => {
        const info = await objects.info(name);
        if (info === null || info.deleted) await putObject(objects, name, bytes, info);
      });
      return name;
    },
    async get(digest) {
      const asked = ask("get");
      if (!DIGEST.test(digest)) return undefined;
      const bytes = await calling(link, asked, () => objects.getBlob(digest));
      if (bytes === null) return undefined;
      if (digestOf(bytes) === digest) return new Uint8Array(bytes);
      throw new MillraceError(
        "E_LOG_CORRUPT",
        `blob ${digest} does not have the content its name says; restore the store from a backup`,
        { details: { digest } },
      );
    },
    async has(digest) {
      const asked = ask("look for");
      if (!DIGEST.test(digest)) return false;
      return calling(link, asked, async () => (await present(digest)) !== null);
    },
    async delete(digest) {
      const asked = ask("delete");
      if (!DIGEST.test(digest)) return false;
      return calling(link, asked, async () => {
        if ((await present(digest)) === null) return false;
        await objects.delete(digest);
        return true;
      });
    },
    async close() {
      open = false;
    },
  };
}
