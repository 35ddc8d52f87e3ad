/** Blobs as objects, each under its digest as name. */
import { MillraceError } from "../../kernel/errors.ts";
import { digest as digestOf } from "../../kernel/json.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import { type Ask, closed } from "./link.ts";
import type { Objects } from "./objects.ts";

/** SHA-256 as base64url. Anything else is no digest, and must not reach the server as a name. */
const DIGEST = /^[A-Za-z0-9_-]{43}$/;

export function natsBlobStore(objects: Objects): BlobStore {
  let open = true;
  const ask = (what: string): Ask => {
    if (!open) throw closed("blob store");
    return { what: `${what} a blob`, stream: objects.stream };
  };
  return {
    async put(bytes) {
      const asked = ask("put");
      const value = { bytes: new Uint8Array(bytes), metadata: {} };
      const digest = digestOf(value.bytes);
      await objects.put(asked, digest, value, (present) => present === undefined);
      return digest;
    },
    async get(digest) {
      const asked = ask("get");
      if (!DIGEST.test(digest)) return undefined;
      const object = await objects.get(asked, digest);
      if (object === undefined || digestOf(object.bytes) === digest) return object?.bytes;
      throw new MillraceError(
        "E_LOG_CORRUPT",
        `blob ${digest} does not have the content its name says; restore the store from a backup`,
        { details: { digest } },
      );
    },
    async has(digest) {
      const asked = ask("look for");
      return DIGEST.test(digest) && (await objects.info(asked, digest)) !== undefined;
    },
    async delete(digest) {
      const asked = ask("delete");
      return DIGEST.test(digest) && objects.delete(asked, digest);
    },
    async close() {
      open = false;
    },
  };
}
