/**
 * The frame codec: all events of one commit, as the bytes of one message.
 *
 *   MR1 <prev> <codecs> <run>\n
 *   <body: JSON of the frame, passed through the codecs named, in order, joined by "+">
 *   <sum: 22 characters, a hash of every byte before it>
 *
 * `prev` is the sum of the run's previous frame ("-" for the first), so frames of a run form a chain:
 * one that is missing, changed, or belongs to another run is noticed when it is read.
 */
import { hash } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { MillraceError } from "../kernel/errors.ts";
import { limits } from "../kernel/limits.ts";
import { checkEvent } from "./shapes.ts";
import { upcast } from "./upcast.ts";
import type { MillraceEvent, Writer } from "./vocabulary.ts";

/** Version of the frame's JSON that this code writes. Older ones are lifted (upcast.ts). */
export const FRAME_VERSION = 1;

/** The events of one decision, with what binds them to their run. */
export interface Frame {
  /** Unique per commit; what an ambiguous append is recognised by. */
  readonly commit: string;
  readonly writer: Writer;
  /** When the decision was made (ms since the epoch). */
  readonly at: number;
  /** `seq` of the first event. */
  readonly seq: number;
  /** Last position of the inbox that this and all earlier frames have taken; 0: none. */
  readonly inbox: number;
  readonly events: readonly MillraceEvent[];
  /** The run is being imported: what it was did not end here, and nobody hosts it before that is there. */
  readonly more?: true;
}

/** Transforms frame bodies, for compression or encryption. Must be deterministic in `decode` only. */
export interface FrameCodec {
  /** Stored with every frame: `^[a-z0-9-]{1,32}$`. */
  readonly id: string;
  /** `run` binds the ciphertext to its place. */
  encode(body: Uint8Array, run: string): Uint8Array;
  decode(body: Uint8Array, run: string): Uint8Array;
}

/** Large bodies (plans of thousands of steps, wide fan-outs) are deflated before any other codec. */
const deflateCodec: FrameCodec = {
  id: "deflate",
  encode: (body) => deflateRawSync(body, { level: 1 }),
  decode: (body) => inflateRawSync(body, { maxOutputLength: limits.frameInflatedBytesMax }),
};
const DEFLATE_FROM_BYTES = 32 * 1024;

/** Leaves bodies as they are: what is used unless a codec is configured. */
export const plainCodec: FrameCodec = {
  id: "plain",
  encode: (body) => body,
  decode: (body) => body,
};

/** A frame as bytes, and the sum that the run's next frame names as its `prev`. */
export interface Sealed {
  readonly bytes: Uint8Array;
  readonly sum: string;
}

/** A frame as read, with what ties it to the frames before and after it. */
export interface Opened {
  readonly frame: Frame;
  readonly sum: string;
  readonly prev: string;
}

/** `prev` of a run's first frame. */
export const NO_PREVIOUS = "-";
const SUM_LENGTH = 22;
const MAGIC = "MR1";

const sumOf = (bytes: Uint8Array): string =>
  hash("sha256", bytes, "base64url").slice(0, SUM_LENGTH);

/**
 * The frame as bytes to append, and the sum to chain the next frame to.
 * @throws MillraceError `E_TOO_LARGE` when the frame does not fit a message of the server
 */
export function sealFrame(run: string, prev: string, frame: Frame, codec = plainCodec): Sealed {
  const events = frame.events.map((event) =>
    event.at === frame.at ? { ...event, at: undefined } : event,
  );
  const json = Buffer.from(JSON.stringify({ v: FRAME_VERSION, ...frame, events }));
  if (json.length > limits.frameInflatedBytesMax) throw tooLarge(run, json.length);
  const used = json.length < DEFLATE_FROM_BYTES ? [codec] : [deflateCodec, codec];
  const body = used.reduce((bytes: Uint8Array, next) => next.encode(bytes, run), json);
  const names = used.map((next) => next.id).join("+");
  const open = Buffer.concat([Buffer.from(`${MAGIC} ${prev} ${names} ${run}\n`), body]);
  const sum = sumOf(open);
  const bytes = Buffer.concat([open, Buffer.from(sum)]);
  if (bytes.length > limits.frameBytesMax) throw tooLarge(run, bytes.length);
  return { bytes, sum };
}

const tooLarge = (run: string, bytes: number): MillraceError =>
  new MillraceError(
    "E_TOO_LARGE",
    `a commit of ${bytes} bytes is above the limit of ${limits.frameBytesMax}; hand out less at once`,
    { details: { run, bytes } },
  );

/**
 * The frame in `bytes`, checked: whole, of this run, and of known form. The chain to the previous
 * frame is the reader's to check (`prev`).
 * @throws MillraceError `E_FRAME_INVALID`
 */
export function openFrame(
  run: string,
  bytes: Uint8Array,
  codecs: readonly FrameCodec[] = [],
): Opened {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const line = buffer.indexOf(10);
  const [magic, prev, names, owner, ...rest] = buffer
    .toString("latin1", 0, Math.max(line, 0))
    .split(" ");
  if (magic !== MAGIC || owner === undefined || prev === undefined || rest.length > 0) {
    throw invalid(run, "is not a frame");
  }
  if (owner !== run) throw invalid(run, `belongs to run ${JSON.stringify(owner.slice(0, 64))}`);
  const end = buffer.length - SUM_LENGTH;
  if (end <= line) throw invalid(run, "is cut short");
  const sum = buffer.toString("latin1", end);
  if (sumOf(buffer.subarray(0, end)) !== sum)
    throw invalid(run, "was changed after it was written");
  const body = decodeBody(run, names ?? "", buffer.subarray(line + 1, end), codecs);
  return { frame: parseFrame(run, body), sum, prev };
}

/**
 * Whether the frame may hold an event of one of these types. False is certain; it costs a look at the
 * bytes, where opening the frame costs a hash and a parse.
 */
export function mayHold(bytes: Uint8Array, types: Iterable<string>): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const line = buffer.indexOf(10);
  const [, , names] = buffer.toString("latin1", 0, Math.max(line, 0)).split(" ");
  if (names !== plainCodec.id) return true;
  for (const type of types) if (buffer.includes(`"type":"${type}"`, line)) return true;
  return false;
}

function decodeBody(
  run: string,
  names: string,
  body: Uint8Array,
  codecs: readonly FrameCodec[],
): Uint8Array {
  let bytes = body;
  for (const name of names.split("+").reverse()) {
    const codec = [...codecs, plainCodec, deflateCodec].find((candidate) => candidate.id === name);
    if (codec === undefined) {
      throw invalid(run, `needs the codec ${JSON.stringify(name)}, which is not configured`);
    }
    try {
      bytes = codec.decode(bytes, run);
    } catch (cause) {
      // Whatever it is (zlib, a wrong key, a codec's own bug), the frame cannot be read here.
      throw invalid(run, `cannot be decoded by the codec ${JSON.stringify(name)}`, cause);
    }
  }
  return bytes;
}

function parseFrame(run: string, body: Uint8Array): Frame {
  let raw: unknown;
  try {
    raw = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  } catch (cause) {
    throw invalid(run, "does not hold JSON", cause);
  }
  const frame = upcast(raw, FRAME_VERSION);
  const { commit, at, seq, inbox, writer, events, more } = frame as Partial<Frame>;
  const whole =
    typeof commit === "string" &&
    Number.isFinite(at) &&
    Number.isSafeInteger(seq) &&
    Number.isSafeInteger(inbox) &&
    typeof writer?.node === "string" &&
    Number.isSafeInteger(writer.epoch) &&
    Array.isArray(events) &&
    events.length > 0;
  if (!whole) throw invalid(run, "lacks a part of its envelope");
  for (const event of events) checkEvent(event, at as number);
  const own = { commit, at: at as number, seq: seq as number, inbox: inbox as number };
  return { ...own, writer, events, ...(more === true ? { more } : {}) };
}

const invalid = (run: string, what: string, cause?: unknown): MillraceError =>
  new MillraceError(
    "E_FRAME_INVALID",
    `a frame of run ${run} ${what}; the run is not touched further. Look at it with \`millrace events ${run}\`, restore the log from a backup, or erase the run`,
    { cause, details: { run } },
  );
