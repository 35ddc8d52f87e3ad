/** States of checkpoints: bytes into recorded values and back. */
import type { Value } from "../../machines/values.ts";
import { emptyRun } from "../domain/state.ts";
import { fromValue } from "../engine/values/values.ts";
import { MillraceError } from "../kernel/errors.ts";
import { limits } from "../kernel/limits.ts";
import type { BlobStore } from "../ports/blob-store.ts";
import type { CheckpointSaved } from "../projections/checkpoints.ts";

/** Base64 takes four characters for three bytes. */
const INLINE_BYTES_MAX = Math.floor((limits.valueInlineBytesMax - 2) / 4) * 3;

/**
 * Bytes as they are recorded: small ones inside their event, large ones as a blob.
 * @throws MillraceError `E_TOO_LARGE`, `E_OPTION_INVALID` when they are no bytes
 */
export async function recordBytes(blobs: BlobStore, bytes: Uint8Array): Promise<Value> {
  if (!(bytes instanceof Uint8Array)) {
    throw new MillraceError("E_OPTION_INVALID", "state: must be a Uint8Array; encode it first");
  }
  if (bytes.length <= INLINE_BYTES_MAX) {
    return { json: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64") };
  }
  if (bytes.length > limits.valueBytesMax) {
    throw new MillraceError(
      "E_TOO_LARGE",
      `a state of ${bytes.length} bytes is above the limit of ${limits.valueBytesMax}; write it to storage and save a reference`,
      { details: { bytes: bytes.length } },
    );
  }
  return { blob: await blobs.put(bytes), bytes: bytes.length };
}

/**
 * The state of a checkpoint, as bytes of the caller's own. One that `ctx.checkpoint` saved is its
 * JSON text.
 * @throws MillraceError `E_STORE_MISSING` when its blob is gone
 */
export async function stateOf(
  blobs: BlobStore,
  run: string,
  { state, encoding }: CheckpointSaved,
): Promise<Uint8Array> {
  if (encoding !== "bytes") {
    return bytesOf(JSON.stringify(await fromValue(blobs, state, emptyRun(run))), "utf8");
  }
  if ("json" in state) return bytesOf(state.json as string, "base64");
  const bytes = "blob" in state ? await blobs.get(state.blob) : undefined;
  if (bytes !== undefined) return bytes;
  throw new MillraceError(
    "E_STORE_MISSING",
    `the state of a checkpoint of run ${run} is gone from the blob store; restore it from a backup, or go on from an older checkpoint`,
    { details: { run } },
  );
}

/** Not a `Buffer`, which would be a part of one that others share. */
const bytesOf = (text: string, encoding: "base64" | "utf8"): Uint8Array =>
  new Uint8Array(Buffer.from(text, encoding));
