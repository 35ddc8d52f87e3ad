/** Events as an async iterable: of one run until its end, of many, or of all. */

import type { LogFeed } from "../../engine/reading/log-feed.ts";
import { ENOUGH } from "../../engine/reading/shared-tail.ts";
import type { EventType, RecordedEvent } from "../../events/vocabulary.ts";
import { awaitedLater } from "../../kernel/async.ts";
import type { Cursor } from "../../ports/cursor.ts";
import { callOptions, invalidOption } from "../options.ts";
import {
  checkFilter,
  type EventFilter,
  type EventOf,
  type Filter,
  filterOptions,
} from "./event-filter.ts";
import { followMany } from "./follow-many.ts";
import { followRun } from "./follow-run.ts";
import type { Batch } from "./following.ts";
import type { StartPlace } from "./place.ts";
import { type PlaceOptions, startPlace } from "./start-place.ts";

/** Which events, where to begin, and when to stop. */
export interface SubscribeOptions<T extends EventType = EventType>
  extends EventFilter<T>,
    PlaceOptions {
  /** False: ends with what is recorded by now. @default true */
  readonly live?: boolean;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}

/** Events as they come; made by `Client.subscribe`, and meant to be iterated once. */
export interface EventStream<T extends EventType = EventType> extends AsyncIterable<EventOf<T>> {
  /**
   * Where to go on from (`after: { position: cursor }`): behind the last frame all of whose
   * events were given. Undefined: nothing has come yet. The events of a frame that is half read come again.
   */
  readonly cursor: Cursor | undefined;
}

const known = [...filterOptions, "from", "after", "live", "signal"] as const;

/**
 * See `Client.subscribe`.
 * @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID`, at once
 */
export function subscribe<T extends EventType>(
  feed: LogFeed,
  options: SubscribeOptions<T>,
): EventStream<T> {
  const given = callOptions("subscribe()", options, known);
  const filter = checkFilter(given);
  const find = startPlace(filter, given);
  const signal = checkSignal(given.signal);
  const { live = true } = given;
  if (typeof live !== "boolean") throw invalidOption("live", "must be true or false");
  // "now" is when this was called, not when the iteration begins. A failure is told to the iteration.
  const place = awaitedLater(find(feed.engine));
  return new Events({ feed, filter, place, signal, live }) as unknown as EventStream<T>;
}

/** What there is to follow, before it is known where that begins. */
interface Wish {
  readonly feed: LogFeed;
  readonly filter: Filter;
  readonly place: Promise<StartPlace>;
  readonly signal: AbortSignal | undefined;
  readonly live: boolean;
}

class Events implements EventStream {
  readonly #events: AsyncGenerator<RecordedEvent, void, undefined>;
  cursor: Cursor | undefined;

  constructor(wish: Wish) {
    this.#events = this.#read(wish);
  }

  [Symbol.asyncIterator](): AsyncIterator<RecordedEvent> {
    return this.#events;
  }

  async *#read(wish: Wish): AsyncGenerator<RecordedEvent, void, undefined> {
    for await (const { events, before, cursor } of batches(wish)) {
      for (const [index, event] of events.entries()) {
        this.cursor = index < events.length - 1 ? before : cursor;
        yield event;
      }
      this.cursor = cursor;
    }
  }
}

/**
 * What the filter leaves of each frame, from the place on.
 * @throws MillraceError `E_STORE_CLOSED`; of one run `E_FRAME_INVALID`, `E_LOG_CORRUPT`
 */
export async function* batches(wish: Wish): AsyncGenerator<Batch, void, undefined> {
  const stop = new AbortController();
  const end = (): void => stop.abort(ENOUGH);
  if (wish.signal?.aborted) end();
  wish.signal?.addEventListener("abort", end, { once: true });
  try {
    if (stop.signal.aborted) return;
    const following = { ...wish, place: await wish.place, signal: stop.signal };
    const { run } = wish.filter.scope;
    yield* run === undefined ? followMany(following) : followRun(run, following);
  } finally {
    wish.signal?.removeEventListener("abort", end);
    end();
  }
}

/** @throws MillraceError `E_OPTION_INVALID` */
export function checkSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw invalidOption("signal", "must be an AbortSignal");
}
