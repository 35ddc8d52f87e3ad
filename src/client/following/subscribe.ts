/** Events as an async iterable: of one run until its end, of many, or of all. */

import type { LogFeed } from "../../engine/reading/log-feed.ts";
import { ENOUGH } from "../../engine/reading/shared-tail.ts";
import type { EventType, RecordedEvent } from "../../events/vocabulary.ts";
import { awaitedLater } from "../../kernel/async.ts";
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
import { type PlaceOptions, type StartPlace, startPlace } from "./start-place.ts";

/** Which events, where to begin, and when to stop. */
export interface SubscribeOptions<T extends EventType = EventType>
  extends EventFilter<T>,
    PlaceOptions {
  /** False: ends with what is recorded by now. @default true */
  readonly live?: boolean;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}

const known = [...filterOptions, "from", "after", "live", "signal"] as const;

/**
 * See `Client.subscribe`.
 * @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID`, at once
 */
export function subscribe<T extends EventType>(
  feed: LogFeed,
  options: SubscribeOptions<T>,
): AsyncIterable<EventOf<T>> {
  const given = callOptions("subscribe()", options, known);
  const filter = checkFilter(given);
  const find = startPlace(filter, given);
  const signal = checkSignal(given.signal);
  const { live = true } = given;
  if (typeof live !== "boolean") throw invalidOption("live", "must be true or false");
  // "now" is when this was called, not when the iteration begins. A failure is told to the iteration.
  const place = awaitedLater(find(feed.engine));
  return eventsOf({ feed, filter, place, signal, live }) as AsyncIterable<EventOf<T>>;
}

/** What there is to follow, before it is known where that begins. */
interface Wish {
  readonly feed: LogFeed;
  readonly filter: Filter;
  readonly place: Promise<StartPlace>;
  readonly signal: AbortSignal | undefined;
  readonly live: boolean;
}

async function* eventsOf(wish: Wish): AsyncGenerator<RecordedEvent, void, undefined> {
  for await (const { events } of batches(wish)) yield* events;
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
