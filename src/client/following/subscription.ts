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
import type { ViewStore } from "../../ports/view-store.ts";
import { callOptions } from "../options.ts";
import {
  checkFilter,
  type EventFilter,
  type EventOf,
  type Filter,
  filterOptions,
} from "./event-filter.ts";
import { behind, type EventPlace, type From, type StartPlace, startPlace } from "./start-place.ts";
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
  /** What was dealt with last, as told here, and as saved. */
  #acked: EventPlace | undefined;
  #saved: EventPlace | undefined;
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
    this.#signal = checkSignal(given.signal);
  }

  /**
   * Events behind the last one that was acknowledged, then new ones as they come.
   * @throws what the iteration of `Client.subscribe` throws
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<EventOf<T>, void, undefined> {
    let passed = 0;
    let given: EventPlace | undefined;
    const wish = { feed: this.#feed, filter: this.#filter, signal: this.#signal, live: true };
    for await (const batch of batches({ ...wish, place: this.#begin() })) {
      for (const event of batch.events) {
        given = event;
        yield event as EventOf<T>;
      }
      passed++;
      const owes = given !== undefined && isBefore(this.#acked, given);
      if (owes || passed < PASSED_FRAMES) continue;
      passed = 0;
      await this.ack({ position: batch.position });
    }
  }

  /**
   * This event, and all that came before it, are dealt with: they do not come again once this resolves.
   * @throws MillraceError `E_OPTION_INVALID`, `E_STORE_CLOSED`, `E_STORE_UNAVAILABLE`
   */
  async ack(event: EventPlace): Promise<void> {
    behind(event);
    if (isBefore(this.#acked, event)) this.#acked = event;
    while (isBefore(this.#saved, event)) {
      this.#saving ??= this.#save().finally(() => {
        this.#saving = undefined;
      });
      await this.#saving;
    }
  }

  /** Forgets how far it came: the next iteration begins at `from` again. */
  async reset(): Promise<void> {
    await this.#saving;
    this.#acked = undefined;
    this.#saved = undefined;
    await this.#views.delete(this.#key);
  }

  async #begin(): Promise<StartPlace> {
    const saved = await this.#load();
    if (saved !== undefined) {
      this.#acked = saved;
      this.#saved = saved;
      return behind(saved);
    }
    const place = await this.#find(this.#feed.engine);
    // Whoever comes next must not have another now.
    if (this.#fromNow) await this.ack({ position: place.after });
    return place;
  }

  async #load(): Promise<EventPlace | undefined> {
    const { store, logger } = this.#feed.engine;
    const view = await this.#views.load(this.#key);
    if (view === undefined) return undefined;
    const { position } = view;
    if (position > (await store.log.head())) {
      const { name } = this;
      logger.warn("a subscription was further than the log is; it begins anew", { name, position });
      await this.#views.delete(this.#key);
      return undefined;
    }
    const seq = Number(Buffer.from(view.bytes).toString("latin1"));
    return seq > 0 ? { position, seq } : { position };
  }

  async #save(): Promise<void> {
    const place = this.#acked;
    if (place === undefined) return;
    const bytes = Buffer.from(String(place.seq ?? ""));
    await this.#views.save(this.#key, { position: place.position, bytes });
    this.#saved = place;
  }

  get #views(): ViewStore {
    return this.#feed.engine.store.views;
  }

  get #key(): string {
    return `subscription.${this.name}`;
  }
}

/** Whether a reader that came as far as `place` has not come as far as `other`. */
function isBefore(place: EventPlace | undefined, other: EventPlace): boolean {
  if (place === undefined || place.position !== other.position) {
    return (place?.position ?? -1) < other.position;
  }
  return (place.seq ?? Number.POSITIVE_INFINITY) < (other.seq ?? Number.POSITIVE_INFINITY);
}
