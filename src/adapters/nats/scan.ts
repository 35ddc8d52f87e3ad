/**
 * Reads many messages of a stream in order, through a short-lived consumer of our own: what the
 * client's ordered consumer does, with fewer round trips, a bound on what is held, and one answer
 * to everything that can go wrong: make a new consumer just past what arrived last.
 */
import { type Msg, nanos, type Subscription } from "@nats-io/transport-node";
import { deferred } from "../../kernel/async.ts";
import { Away, answerOf, refusal } from "./answers.ts";
import { type Delivery, deliveryOf, type PullStatus, pullStatus } from "./deliveries.ts";
import { ownBytes, type Range, type StoredMessage } from "./direct-get.ts";
import type { Ask, Link } from "./link.ts";

/** One pull: the reader holds at most two of them. */
const PULL_MESSAGES = 256;
const PULL_BYTES = 4 * 1024 * 1024;
const PULL_EXPIRES_MS = 30_000;
/** A pull for messages that are known to be there falls short only if they were erased since. */
const LAST_PULL_EXPIRES_MS = 1_000;
const HEARTBEAT_MS = 5_000;
/** Heard nothing for this long although something is asked for: the consumer is taken for lost. */
const SILENCE_MS = 2 * HEARTBEAT_MS + 1_000;
/** The server removes a consumer that nobody asks. */
const INACTIVE_MS = 60_000;

/** Everything of the range that is there when the reading begins, at most `limit` messages. */
export async function* scan(
  link: Link,
  ask: Ask,
  range: Range,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<StoredMessage, void, undefined> {
  const source = new Scan(link, ask, range);
  try {
    for (let left = Math.min(await source.open(), limit); left > 0; left -= 1) {
      const next = await source.next(left);
      if (next === undefined) return;
      yield next;
    }
  } finally {
    source.close();
  }
}

/** Everything of the range, and what comes, until the signal aborts. */
export async function* follow(
  link: Link,
  ask: Ask & { readonly signal: AbortSignal },
  range: Range,
): AsyncGenerator<StoredMessage, void, undefined> {
  const source = new Scan(link, ask, range);
  const stop = (): void => source.stop();
  ask.signal.addEventListener("abort", stop, { once: true });
  try {
    await source.open();
    for (;;) {
      const next = await source.next();
      if (next === undefined || ask.signal.aborted) return;
      yield next;
    }
  } finally {
    ask.signal.removeEventListener("abort", stop);
    source.close();
  }
}

interface Consumer {
  readonly name: string;
  readonly inbox: string;
  readonly subscription: Subscription;
  /** Messages it has delivered. */
  delivered: number;
  /** Messages asked for that have not come yet. */
  asked: number;
}

class Scan {
  readonly #link: Link;
  readonly #ask: Ask;
  readonly #range: Range;
  readonly #forget: () => void;
  readonly #items: StoredMessage[] = [];
  #consumer: Consumer | undefined;
  #received: number;
  /** A pull ended before it was filled: perhaps there is nothing left. */
  #fellShort = false;
  #stopped = false;
  #woken = deferred<void>();

  constructor(link: Link, ask: Ask, range: Range) {
    this.#link = link;
    this.#ask = ask;
    this.#range = range;
    this.#received = range.after;
    const undo = link.onReconnect(() => this.#lose());
    const wake = (): void => this.#wake();
    link.closed.addEventListener("abort", wake, { once: true });
    this.#forget = () => {
      undo();
      link.closed.removeEventListener("abort", wake);
    };
  }

  /** Makes a consumer just past what arrived last; gives the number of messages it will deliver. */
  async open(): Promise<number> {
    const inbox = this.#link.newInbox();
    const { stream, subject } = this.#range;
    const config = {
      deliver_policy: "by_start_sequence",
      opt_start_seq: this.#received + 1,
      filter_subject: subject,
      ack_policy: "none",
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(INACTIVE_MS),
    };
    const body = JSON.stringify({ stream_name: stream, config });
    const made = await this.#link.insist(this.#ask, async () => {
      const reply = await this.#link.requests.send(`$JS.API.CONSUMER.CREATE.${stream}`, body);
      const answer = answerOf<{ readonly name: string; readonly num_pending: number }>(reply);
      if (answer instanceof Away || answer.error === undefined) return answer;
      throw refusal(answer.error);
    });
    const subscription = this.#link.connection.subscribe(inbox, {
      callback: (error, msg) => (error ? this.#lose() : this.#take(inbox, msg)),
    });
    this.#consumer = { name: made.name, inbox, subscription, delivered: 0, asked: 0 };
    return made.num_pending;
  }

  /**
   * The next message; undefined after `stop()`.
   * @param left how many there are, for a reading that ends: undefined also when they are gone
   */
  async next(left?: number): Promise<StoredMessage | undefined> {
    for (;;) {
      // What fell short is looked into first: whoever asked again would ask for ever.
      const isShort = left !== undefined && this.#fellShort;
      if (this.#consumer && !isShort) this.#pull(this.#consumer, left);
      const item = this.#items.shift();
      if (item) return item;
      if (this.#stopped) return undefined;
      if (this.#mayCome(left)) await this.#arrival();
      else if ((await this.#rest()) === 0 && left !== undefined) return undefined;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  close(): void {
    this.stop();
    this.#forget();
    this.#lose();
  }

  /** Is something under way, as far as we know? */
  #mayCome(left: number | undefined): boolean {
    if (this.#consumer === undefined || this.#link.closed.aborted) return false;
    return left === undefined || this.#consumer.asked > 0 || !this.#fellShort;
  }

  /** How many messages the consumer has for us; makes a new one if it is lost. */
  async #rest(): Promise<number> {
    this.#fellShort = false;
    const consumer = this.#consumer;
    if (consumer === undefined) return this.open();
    const subject = `$JS.API.CONSUMER.INFO.${this.#range.stream}.${consumer.name}`;
    const reply = await this.#link.requests.send(subject, "");
    const info = answerOf<{ readonly num_pending: number }>(reply);
    if (!(info instanceof Away) && info.error === undefined) return info.num_pending;
    this.#lose();
    return this.open();
  }

  /** Asks for more, early enough that the next messages are under way when these are used up. */
  #pull(consumer: Consumer, left: number | undefined): void {
    const held = this.#items.length;
    if (consumer.asked >= PULL_MESSAGES / 2 || held >= PULL_MESSAGES / 2) return;
    const batch = Math.min(
      PULL_MESSAGES,
      (left ?? Number.POSITIVE_INFINITY) - held - consumer.asked,
    );
    if (batch <= 0) return;
    consumer.asked += batch;
    const limits =
      left === undefined
        ? { expires: nanos(PULL_EXPIRES_MS), idle_heartbeat: nanos(HEARTBEAT_MS) }
        : { expires: nanos(LAST_PULL_EXPIRES_MS) };
    const request = JSON.stringify({ batch, max_bytes: PULL_BYTES, ...limits });
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${this.#range.stream}.${consumer.name}`;
    this.#link.tell(subject, request, consumer.inbox);
  }

  #take(inbox: string, msg: Msg): void {
    const consumer = this.#consumer;
    if (consumer?.inbox !== inbox) return;
    if (msg.subject === inbox) this.#status(consumer, pullStatus(msg));
    else this.#keep(consumer, msg, deliveryOf(msg.reply ?? ""));
    this.#wake();
  }

  #keep(consumer: Consumer, msg: Msg, { seq, nth }: Delivery): void {
    if (nth !== consumer.delivered + 1) {
      this.#lose();
      return;
    }
    consumer.delivered = nth;
    consumer.asked -= 1;
    // A server starts at its end when asked to start past it: what was not asked for is left out.
    if (seq <= this.#received) return;
    this.#received = seq;
    this.#items.push({ subject: msg.subject, seq, bytes: ownBytes(msg.data) });
  }

  #status(consumer: Consumer, status: PullStatus): void {
    if (status.kind === "ended") {
      consumer.asked -= status.undelivered;
      this.#fellShort ||= status.undelivered > 0;
    } else if (status.kind === "lost" || status.nth !== consumer.delivered) this.#lose();
  }

  /** Gives the consumer up. The server removes it, soon or when it notices that nobody asks. */
  #lose(): void {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    if (consumer) {
      consumer.subscription.unsubscribe();
      this.#link.tell(`$JS.API.CONSUMER.DELETE.${this.#range.stream}.${consumer.name}`, "");
    }
    this.#wake();
  }

  async #arrival(): Promise<void> {
    this.#woken = deferred();
    const cancel = this.#link.clock.after(SILENCE_MS, () => this.#lose());
    await this.#woken.promise;
    cancel();
  }

  #wake(): void {
    this.#woken.resolve();
  }
}
