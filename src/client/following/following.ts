/** What a subscription works with once its options are checked, and what it makes of the log. */
import { FollowedFrame } from "../../engine/reading/followed-frame.ts";
import type { LogFeed } from "../../engine/reading/log-feed.ts";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import { advance, type Cursor, startOf } from "../../ports/cursor.ts";
import type { Position } from "../../ports/event-log.ts";
import type { Filter } from "./event-filter.ts";
import type { StartPlace } from "./place.ts";

/** Which events, from where, until when. */
export interface Following {
  readonly feed: LogFeed;
  readonly filter: Filter;
  readonly place: StartPlace;
  readonly signal: AbortSignal;
  /** Whether it goes on with what comes. */
  readonly live: boolean;
}

/** The events of one frame that are wanted: often none. */
export interface Batch {
  /** Where to go on from before this frame, and behind it. */
  readonly before: Cursor;
  readonly cursor: Cursor;
  readonly events: readonly RecordedEvent[];
}

/** How far a reader has come that began at the place. */
export class Progress {
  #cursor: Cursor;

  constructor({ feed, filter, place }: Following) {
    const { partitions } = feed.engine.store.log;
    const isMany = filter.scope.run === undefined;
    this.#cursor = isMany && place.after === 0 ? startOf(partitions) : place.after;
  }

  /** What the reader gets of the frame at this position. */
  batch(position: Position, events: readonly RecordedEvent[]): Batch {
    const before = this.#cursor;
    this.#cursor = advance(before, position);
    return { before, cursor: this.#cursor, events };
  }
}

/** The frames of the filter's part of the log, from the place on. */
export async function* framesOf({
  feed,
  filter: { scope },
  place: { after },
  signal,
  live,
}: Following): AsyncGenerator<FollowedFrame, void, undefined> {
  if (live) {
    yield* feed.frames(scope, after, signal);
    return;
  }
  for await (const stored of feed.engine.store.log.read({ ...scope, after })) {
    if (signal.aborted) return;
    yield new FollowedFrame(feed.engine, stored);
  }
}
