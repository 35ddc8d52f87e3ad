/** Values into and out of events: small ones inline, large ones through the blob store. */
import type { KeptOnNode, Value } from "../../../machines/values.ts";
import { itemId } from "../../domain/plan.ts";
import { type RunState, stepActor } from "../../domain/state.ts";
import { isMillraceError, MillraceError } from "../../kernel/errors.ts";
import { type Json, toJson } from "../../kernel/json.ts";
import { limits } from "../../kernel/limits.ts";
import type { BlobStore } from "../../ports/blob-store.ts";

/** Strings shorter than this cannot exceed the inline limit in any encoding. */
const SURELY_INLINE_CHARS = limits.valueInlineBytesMax / 6;

/**
 * `raw` as a recordable value.
 * @param what what it is, for messages: "output of step a"
 * @throws MillraceError `E_NOT_JSON`, `E_TOO_LARGE`
 */
export async function toValue(blobs: BlobStore, what: string, raw: unknown): Promise<Value> {
  const json = readJson(what, raw);
  if (isSurelySmall(json)) return { json };
  const bytes = encode(what, json);
  if (bytes.length <= limits.valueInlineBytesMax) return { json };
  if (bytes.length > limits.valueBytesMax) throw tooLarge(what, `${bytes.length} bytes`);
  return { blob: await blobs.put(bytes), bytes: bytes.length };
}

/**
 * As `toValue`, for values of which there may be thousands in one commit: once they have come to be too
 * much for a frame together, the next ones go into the blob store, however small.
 */
export async function smallValue(
  blobs: BlobStore,
  what: string,
  json: Json,
  draft: { inlineBytes: number },
): Promise<Value> {
  const value = await toValue(blobs, what, json);
  if (!("json" in value)) return value;
  const bytes = encode(what, json);
  draft.inlineBytes += bytes.length;
  if (draft.inlineBytes <= limits.frameBytesTarget) return value;
  return { blob: await blobs.put(bytes), bytes: bytes.length };
}

/**
 * `raw` as plain JSON, whatever its getters and traps do when they are asked.
 * @throws MillraceError `E_NOT_JSON`
 */
export function readJson(what: string, raw: unknown): Json {
  try {
    return toJson(what, raw);
  } catch (cause) {
    if (isMillraceError(cause)) throw cause;
    throw new MillraceError("E_NOT_JSON", `${what} cannot be read: a part of it throws`, { cause });
  }
}

function encode(what: string, json: Json): Buffer {
  if (typeof json === "string" && json.length > limits.valueBytesMax) {
    throw tooLarge(what, `${json.length} characters`);
  }
  try {
    return Buffer.from(JSON.stringify(json));
  } catch (error) {
    // Text has a length that the runtime cannot exceed: about 512 MiB.
    if (!(error instanceof RangeError)) throw error;
    throw tooLarge(what, "more characters than one text can have");
  }
}

const tooLarge = (what: string, size: string): MillraceError =>
  new MillraceError(
    "E_TOO_LARGE",
    `${what} has ${size}, the limit is ${limits.valueBytesMax} bytes; write it to storage and return a reference`,
  );

function isSurelySmall(json: Json): boolean {
  if (typeof json === "string") return json.length < SURELY_INLINE_CHARS;
  return typeof json !== "object" || json === null;
}

/** Where values are read from that are not inside of events. */
export interface ValueSource extends Pick<BlobStore, "get"> {
  /** The JSON of what only nodes have; absent: whoever reads cannot ask them. */
  kept?(value: KeptOnNode, state: RunState): Promise<Json>;
}

/** The JSON of a value. Items of a mapped step are looked up in the run it belongs to. */
export async function fromValue(source: ValueSource, value: Value, state: RunState): Promise<Json> {
  if ("json" in value) return value.json as Json;
  if ("list" in value) {
    return Promise.all(value.list.map((one) => fromValue(source, one, state)));
  }
  if ("kept" in value) {
    if (source.kept !== undefined) return source.kept(value, state);
    throw new MillraceError(
      "E_VALUE_LOST",
      `what step ${value.step} of run ${state.id} returned is on node ${value.node} only, and cannot be fetched from here; make the step durable`,
      { details: { run: state.id, node: value.node, digest: value.kept } },
    );
  }
  if ("items" in value) {
    return Promise.all(
      Array.from({ length: value.items }, (_, index) => {
        const { output } = stepActor(state, itemId(value.of, index)).context;
        return output === null ? null : fromValue(source, output, state);
      }),
    );
  }
  const bytes = await source.get(value.blob);
  if (bytes === undefined) {
    throw new MillraceError(
      "E_STORE_MISSING",
      `the blob ${value.blob} of run ${state.id} is gone; restore the blob store from a backup, or fork the run before the step that made it`,
      { details: { run: state.id, blob: value.blob } },
    );
  }
  return JSON.parse(Buffer.from(bytes).toString("utf8")) as Json;
}

/** A copy that user code may change without anybody else seeing it. */
export const handOut = (json: Json | undefined): unknown =>
  typeof json === "object" && json !== null ? structuredClone(json) : json;
