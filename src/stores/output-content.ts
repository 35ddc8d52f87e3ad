/**
 * What producers hand out, in the words of the seed (its JSON is kept to the letter), and how that is
 * recorded: small values inside the event, large ones as blobs, references to files as they are.
 */
import type { Value } from "../../machines/values.ts";
import { emptyRun } from "../domain/state.ts";
import { fromValue, handOut, toValue } from "../engine/values/values.ts";
import type { OutputContent } from "../events/vocabulary.ts";
import { MillraceError } from "../kernel/errors.ts";
import { checkId } from "../kernel/ids.ts";
import { toJson } from "../kernel/json.ts";
import type { BlobStore } from "../ports/blob-store.ts";

/** What an artifact or a final holds. Whoever names a file also keeps it and removes it. */
export type OutputBody =
  | { readonly kind: "inline"; readonly value: unknown }
  | {
      readonly kind: "file_ref";
      readonly path: string;
      readonly mime?: string;
      /** In bytes. */
      readonly size_hint?: number;
    };

/** One thing that a producer says while it works; `final` is its last word. */
export type OutputEvent =
  | { readonly type: "progress"; readonly stage: string; readonly note?: string }
  | { readonly type: "partial"; readonly chunk: unknown }
  | { readonly type: "artifact"; readonly name: string; readonly content: OutputBody }
  /** `ok`: it was delivered; whether it is good news is the content's business. */
  | { readonly type: "final"; readonly content: OutputBody; readonly ok: boolean };

/** Marks a recorded value that describes a file; values of `ctx.emit` and inline ones have no mark. */
type FileValue = Value & { readonly kind: "file_ref" };

/**
 * `event` as it is recorded; large values are in the blob store when it resolves.
 * @throws MillraceError `E_OPTION_INVALID` for an unknown tag or a missing field, `E_ID_INVALID` for an
 * artifact's name, `E_NOT_JSON`, `E_TOO_LARGE`
 */
export async function toContent(blobs: BlobStore, event: OutputEvent): Promise<OutputContent> {
  switch (event.type) {
    case "progress": {
      const { type, stage, note } = event;
      demand("stage", "text", typeof stage === "string");
      demand("note", "text", note === undefined || typeof note === "string");
      return { type, stage, ...(note === undefined ? {} : { note }) };
    }
    case "partial":
      return { type: event.type, chunk: await toValue(blobs, "chunk", event.chunk) };
    case "artifact": {
      const name = checkId("artifact name", event.name);
      return { type: event.type, name, content: await toRecorded(blobs, event.content) };
    }
    case "final": {
      const { type, content, ok } = event;
      demand("ok", "true or false", typeof ok === "boolean");
      return { type, content: await toRecorded(blobs, content), ok };
    }
    default:
      throw unknownTag("type", event, ["progress", "partial", "artifact", "final"]);
  }
}

/** The event in recorded content; a copy that its reader may change. */
export async function fromContent(blobs: BlobStore, content: OutputContent): Promise<OutputEvent> {
  switch (content.type) {
    case "progress":
      return { ...content };
    case "partial":
      return { type: "partial", chunk: await read(blobs, content.chunk) };
    default:
      return { ...content, content: await fromRecorded(blobs, content.content) };
  }
}

async function toRecorded(blobs: BlobStore, body: OutputBody): Promise<Value> {
  switch (body?.kind) {
    case "inline":
      return toValue(blobs, "content", body.value);
    case "file_ref": {
      const { kind, path, mime, size_hint } = body;
      demand("path", "text", typeof path === "string" && path !== "");
      const recorded: FileValue = { json: toJson("file_ref", { path, mime, size_hint }), kind };
      return recorded;
    }
    default:
      throw unknownTag("kind", body, ["inline", "file_ref"]);
  }
}

async function fromRecorded(blobs: BlobStore, value: Value): Promise<OutputBody> {
  const json = await read(blobs, value);
  if ("kind" in value) return { kind: "file_ref", ...(json as { path: string }) };
  return { kind: "inline", value: json };
}

const read = async (blobs: BlobStore, value: Value): Promise<unknown> =>
  // The run is asked for items of mapped steps only, which no output holds.
  handOut(await fromValue(blobs, value, emptyRun("")));

function demand(field: string, what: string, holds: boolean): void {
  if (holds) return;
  throw new MillraceError("E_OPTION_INVALID", `${field} of an output must be ${what}`, {
    details: { option: field },
  });
}

function unknownTag(tag: string, found: object, known: readonly string[]): MillraceError {
  const spelled =
    JSON.stringify((found as Record<string, unknown> | undefined)?.[tag]) ?? "missing";
  return new MillraceError(
    "E_OPTION_INVALID",
    `${tag} of an output is ${spelled}; known are ${known.join(", ")}`,
    { details: { option: tag } },
  );
}
