/** Waiting for the end of a run. */
import type { LogFeed } from "../../engine/reading/log-feed.ts";
import { mayHold, openFrame } from "../../events/frame.ts";
import { recordedEvents } from "../../events/recorded.ts";
import { type RecordedEvent, RUN_ENDS } from "../../events/vocabulary.ts";
import { MillraceError } from "../../kernel/errors.ts";
import type { Position } from "../../ports/event-log.ts";

/**
 * The event that ended the run, as soon as there is one; undefined when `signal` aborts before. Frames
 * that cannot hold it are not opened.
 * @param after position behind which to look
 * @throws MillraceError `E_STORE_CLOSED`, `E_FRAME_INVALID`, `E_RUN_ERASED`
 */
export async function runEnd(
  feed: LogFeed,
  run: string,
  after: Position,
  signal: AbortSignal,
): Promise<RecordedEvent | undefined> {
  for await (const { stored } of feed.frames({ run }, after, signal)) {
    if (!mayHold(stored.bytes, RUN_ENDS)) continue;
    // Opened for this caller: what a run returned may be changed by whoever got it.
    const { frame } = openFrame(run, stored.bytes, feed.engine.codecs);
    const end = recordedEvents(stored, frame).find((event) => RUN_ENDS.has(event.type));
    if (end !== undefined) return end;
  }
  if (!signal.aborted) throw storeClosed(`run ${run} ended`);
  return undefined;
}

/** @param what what has not happened before the store was closed */
export const storeClosed = (what: string): MillraceError =>
  new MillraceError(
    "E_STORE_CLOSED",
    `the store was closed before ${what}; open it again to go on`,
  );
