/** One run, followed until its end. */
import type { Engine } from "../../engine/engine.ts";
import type { LogFeed } from "../../engine/reading/log-feed.ts";
import { mayHold, openFrame } from "../../events/frame.ts";
import { type RecordedEvent, RUN_ENDS } from "../../events/vocabulary.ts";
import { positionIn } from "../../ports/cursor.ts";
import type { Position } from "../../ports/event-log.ts";
import { Chain } from "../chain.ts";
import { storeClosed } from "../starting/run-end.ts";
import { RunLabels } from "../starting/run-labels.ts";
import { checkFilter } from "./event-filter.ts";
import { type Batch, type Following, framesOf, Progress } from "./following.ts";

/**
 * Frames of `run` from the place on, to the one that ends it.
 * @throws MillraceError `E_STORE_CLOSED` when the store is closed before, `E_RUN_ERASED`; `E_FRAME_INVALID`,
 * `E_LOG_CORRUPT` where the log is damaged
 */
export async function* followRun(
  run: string,
  following: Following,
): AsyncGenerator<Batch, void, undefined> {
  const { feed, filter, place, signal, live } = following;
  const after = positionIn(place.after);
  if (after > 0 && (await endedBefore(feed.engine, run, after))) return;
  const chain = new Chain(run, after === 0);
  const progress = new Progress(following);
  const labels = new RunLabels(feed, filter.labels);
  for await (const frame of framesOf(following)) {
    chain.follow(frame.opened);
    const { position } = frame.stored;
    const wanted = await labels.match(frame);
    const events = frame.events.filter(
      (event) => place.begins(event) && wanted && filter.wants(event),
    );
    yield progress.batch(position, events);
    if (frame.events.some(({ type }) => RUN_ENDS.has(type))) return;
  }
  if (live && !signal.aborted) throw storeClosed(`run ${run} ended`);
}

/**
 * All events of `run` past a position, to its end: see `followRun`.
 */
export async function* runEvents(
  feed: LogFeed,
  run: string,
  after: Position,
  signal: AbortSignal,
): AsyncGenerator<RecordedEvent, void, undefined> {
  const place = { after, begins: () => true };
  const following = { feed, filter: checkFilter({ run }), place, signal, live: true };
  for await (const { events } of followRun(run, following)) yield* events;
}

/** Whether nothing comes any more, because the run's last frame is at or before `after` and ended it. */
async function endedBefore(
  { store, codecs }: Engine,
  run: string,
  after: Position,
): Promise<boolean> {
  const head = await store.log.head(run);
  if (head === 0 || head > after) return false;
  for await (const { bytes } of store.log.read({ run, after: head - 1 })) {
    if (!mayHold(bytes, RUN_ENDS)) continue;
    const { events } = openFrame(run, bytes, codecs).frame;
    if (events.some(({ type }) => RUN_ENDS.has(type))) return true;
  }
  return false;
}
