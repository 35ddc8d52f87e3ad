/**
 * The live feed for programs of one's own: every frame that was stored, published once more on a core
 * subject. Whoever listens there hears at once what happens, by wildcards, without a consumer; and
 * hears nothing of what happens while the connection is lost. `subscribe()` loses nothing.
 */
import { type FrameCodec, openFrame } from "../../events/frame.ts";
import { recordedEvents } from "../../events/recorded.ts";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import type { Position } from "../../ports/event-log.ts";
import { partOf, placeOf, subjectsOf, WHOLE } from "./subjects.ts";

/** Which part of the feed. */
export interface LiveScope {
  /** @default "default" */
  readonly namespace?: string;
  /** @default all */
  readonly workflow?: string;
  /** @default all */
  readonly run?: string;
}

/** A message as NATS clients give it. */
export interface LiveMessage {
  readonly data: Uint8Array;
  readonly headers?: { get(name: string): string } | undefined;
}

/** The events of one commit, as heard live. */
export interface LiveFrame {
  readonly run: string;
  readonly workflow: string;
  readonly position: Position;
  /** Position of the run's frame before this one; 0: this is its first. If you missed that one, read it. */
  readonly previous: Position;
  readonly events: readonly RecordedEvent[];
}

/**
 * The subject to listen to: `mr.<namespace>.live.log.<workflow>.<run>`, with `*` for what is not given.
 * @throws MillraceError `E_ID_INVALID`
 */
export const liveSubject = ({ namespace = "default", workflow, run }: LiveScope = {}): string =>
  subjectsOf(namespace).live(workflow, run);

/**
 * What a message of the live feed says; undefined for anything that is no frame, such as the mark that a
 * run was erased.
 * @param codecs those that `open` was given, if any
 * @throws MillraceError `E_FRAME_INVALID` for a frame that is damaged, or needs another codec
 */
export function liveFrame(
  { data, headers }: LiveMessage,
  codecs: readonly FrameCodec[] = [],
): LiveFrame | undefined {
  const subject = headers?.get("Nats-Subject") ?? "";
  const { partition, partitions } = partOf(subject) ?? WHOLE;
  const positionOf = (sequence: number): Position =>
    sequence === 0 ? 0 : sequence * partitions + partition;
  const position = positionOf(Number(headers?.get("Nats-Sequence")));
  const place = placeOf(subject);
  if (!Number.isSafeInteger(position) || position < 1 || place === undefined) return undefined;
  const previous = positionOf(Number(headers?.get("Nats-Last-Sequence")));
  const { frame } = openFrame(place.run, data, codecs);
  return { ...place, position, previous, events: recordedEvents({ ...place, position }, frame) };
}
