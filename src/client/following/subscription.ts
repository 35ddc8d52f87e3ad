/**
 * Subscriptions that remember how far their reader came, under a name, for whoever passes events on to
 * another system. At least once: what was not acknowledged comes again.
 *
 * How far it came is saved beside the projections. If that is lost, it begins where it was told to begin
 * at first: then events come again, but none is missed, except with `from: "now"`, which is another
 * moment by then.
 */
import type { LogFeed } from "../../engine/reading/log-feed.ts";
import type { EventType } from "../../events/vocabulary.ts";
import { checkId } from "../../kernel/ids.ts";
import { reaches } from "../../ports/cursor.ts";
import type { ViewStore } from "../../ports/view-store.ts";
import { callOptions } from "../options.ts";
import { Acknowledged, isBefore, type Places } from "./acknowledged.ts";
import {
  checkFilter,
  type EventFilter,
  type EventOf,
  type Filter,
  filterOptions,
} from "./event-filter.ts";
import type { EventPlace, StartPlace } from "./place.ts";
import { type From, startPlace } from "./start-place.ts";
import { batches, checkSignal } from "./subscribe.ts";

/** Which events, where the very first reader begins, and when to stop. */
export interface SubscriptionOptions<T extends EventType = EventType> extends EventFilter<T> {
  /** Counts until something is acknowledged. @default "start" */
  readonly from?: From;
  /** Ends iterations. */
  readonly signal?: AbortSignal;
}

/** A stretch of so many frames in which nothing is wanted is not read again. */
const PASSED_FRAMES = 1_000;

/** Made by `Client.subscription`. Meant for one reader at a time: two would both get all events. */
export class Subscription<T extends EventType = EventType> implements AsyncIterable<EventOf<T>> {
  readonly name: string;
  readonly #feed: LogFeed;
  readonly #filter: Filter;
  readonly #find: ReturnType<typeof startPlace>;
  readonly #fromNow: boolean;
  readonly #signal: AbortSignal | undefined;
  /** What was dealt with, as told here, and as saved. */
  #acked: Acknowledged;
  #saved: Places = [];
  #saving: Promise<void> | undefined;

  /** @throws MillraceError `E_ID_INVALID`, `E_OPTION_INVALID` */
  constructor(feed: LogFeed, name: string, options: SubscriptionOptions<T>) {
    const known = [...filterOptions, "from", "signal"] as const;
    const given = callOptions("subscription()", options, known);
    this.name = checkId("subscription name", name);
    this.#feed = feed;
    this.#filter = checkFilter(given);
    this.#find = startPlace(this.#filter, given);
    this.#fromNow = given.from === "now";
    this.#acked = this.#nothing();
    this.#signal = checkSignal(given.signal);
  }

  /**
   * Events behind the last one that was acknowledged, then new ones as they come.
   * @throws what the iteration of `Client.subscribe` throws
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<EventOf<T>, void, undefined> {
    let passed = 0;
    const wish = { feed: this.#feed, filter: this.#filter, signal: this.#signal, live: true };
    for await (const batch of batches({ ...wish, place: this.#begin() })) {
      for (const event of batch.events) {
        this.#acked.give(event, batch.before);
        yield event as EventOf<T>;
      }
      passed++;
      if (passed < PASSED_FRAMES || this.#acked.owes) continue;
      passed = 0;
      await this.ack({ position: batch.cursor });
    }
  }

  /**
   * This event, and all that came before it, are dealt with: they do not come again once this resolves. Of
   * a log of several partitions, hand back the event itself: a copy of its place acknowledges only what
   * came before it in its own partition.
   * @throws MillraceError `E_OPTION_INVALID`, `E_STORE_CLOSED`, `E_STORE_UNAVAILABLE`
   */
  async ack(event: EventPlace): Promise<void> {
    const places = this.#acked.upTo(event);
    this.#acked.reach(places);
    while (isBefore(this.#saved, places)) {
      this.#saving ??= this.#save().finally(() => {
        this.#saving = undefined;
      });
      await this.#saving;
    }
  }

  /** Forgets how far it came: the next iteration begins at `from` again. */
  async reset(): Promise<void> {
    await this.#saving;
    this.#acked = this.#nothing();
    this.#saved = [];
    await this.#views.delete(this.#key);
  }

  async #begin(): Promise<StartPlace> {
    const saved = await this.#load();
    if (saved !== undefined) {
      this.#acked.places = saved;
      this.#saved = saved;
      const place = this.#acked.behind();
      this.#acked.begin(place.after);
      return place;
    }
    const place = await this.#find(this.#feed.engine);
    this.#acked.begin(place.after);
    // Whoever comes next must not have another now.
    if (this.#fromNow) await this.ack({ position: place.after });
    return place;
  }

  #nothing(): Acknowledged {
    const { partitions } = this.#feed.engine.store.log;
    return new Acknowledged(this.#filter.scope.run === undefined ? partitions : 1);
  }

  async #load(): Promise<Places | undefined> {
    const { store, logger } = this.#feed.engine;
    const view = await this.#views.load(this.#key);
    if (view === undefined) return undefined;
    const { position } = view;
    const places = this.#acked.restored(view);
    if (places !== undefined && reaches(await store.log.head(), position)) return places;
    const { name } = this;
    logger.warn("a subscription was further than the log is; it begins anew", { name, position });
    await this.#views.delete(this.#key);
    return undefined;
  }

  async #save(): Promise<void> {
    const { places } = this.#acked;
    await this.#views.save(this.#key, this.#acked.saved());
    this.#saved = places;
  }

  get #views(): ViewStore {
    return this.#feed.engine.store.views;
  }

  get #key(): string {
    return `subscription.${this.name}`;
  }
}
