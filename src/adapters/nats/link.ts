/**
 * One connection, and what the adapter does about its moods: knows whether the server is there,
 * asks again while it is not, and tells who must look again after it came back.
 */
import {
  createInbox,
  type NatsConnection,
  PermissionViolationError,
  type Status,
} from "@nats-io/transport-node";
import { type Clock, pause } from "../../kernel/clock.ts";
import { type ErrorCode, MillraceError } from "../../kernel/errors.ts";
import type { Random } from "../../kernel/random.ts";
import { Away, answerOf, awayOf } from "./answers.ts";
import { Requests } from "./requests.ts";

/** What is asked, for messages, and what to do about it. */
export interface Ask {
  /** As in "append to run r": follows "cannot". */
  readonly what: string;
  /** The stream the question goes to: when it turns out to be gone, E_STORE_MISSING. */
  readonly stream: string;
  /** For a stream that may be lost without harm: makes it again instead. */
  readonly restore?: (() => Promise<void>) | undefined;
  /** Ends the asking with E_STORE_UNAVAILABLE. */
  readonly signal?: AbortSignal | undefined;
}

/** Waits between attempts: doubled from first to last, each shortened at random by up to half. */
const FIRST_WAIT_MS = 10;
const LAST_WAIT_MS = 1_000;
/** A stream counts as gone when it is not found twice with this much time between. */
const GONE_CONFIRM_MS = 100;

/** One connection with what every call over it needs: requests, patience, a clock. */
export class Link {
  readonly connection: NatsConnection;
  readonly requests: Requests;
  readonly clock: Clock;
  readonly #random: Random;
  readonly #inboxPrefix: string | undefined;
  readonly #reconnected = new Set<() => void>();
  readonly #closing = new AbortController();
  #returnedAt = Number.NEGATIVE_INFINITY;
  #flush: Promise<void> | undefined;
  readonly #watching: Promise<void>;

  constructor(connection: NatsConnection, clock: Clock, random: Random, inboxPrefix?: string) {
    this.connection = connection;
    this.clock = clock;
    this.#random = random;
    this.#inboxPrefix = inboxPrefix;
    this.requests = new Requests(connection, clock, this.newInbox());
    this.#watching = this.#watch(connection.status());
  }

  /** A subject for answers that nobody else has. */
  newInbox(): string {
    return createInbox(this.#inboxPrefix);
  }

  /** Calls back after every reconnect: what came meanwhile is lost. Returns the undoing. */
  onReconnect(look: () => void): () => void {
    this.#reconnected.add(look);
    return () => void this.#reconnected.delete(look);
  }

  /** Aborts when the link is closed. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /** Milliseconds since the connection last came back; infinite if it was never lost. */
  get msSinceReturn(): number {
    return this.clock.mono() - this.#returnedAt;
  }

  /** Resolves when the server has processed what was sent so far, or the connection was lost. */
  synced(): Promise<void> {
    this.#flush ??= this.clock.turn().then(() => {
      this.#flush = undefined;
      return this.connection.flush().catch((error: unknown) => {
        // It was lost or closed; what that means is told by `onReconnect`.
        if (awayOf(error) === undefined) throw error;
      });
    });
    return this.#flush;
  }

  /**
   * Tries until `attempt` gives something other than `Away`.
   * @throws MillraceError `E_STORE_CLOSED` once closed, `E_STORE_UNAVAILABLE` when the signal
   *   aborts, `E_STORE_MISSING` when the stream is gone, `E_SERVER_UNSUITABLE` when it is forbidden
   */
  async insist<T>(ask: Ask, attempt: () => Promise<T | Away>): Promise<T> {
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LAST_WAIT_MS)) {
      if (this.#closing.signal.aborted) throw fault("E_STORE_CLOSED", ask, CLOSED);
      const answer = await attempt();
      if (!(answer instanceof Away)) return answer;
      if (answer.why === "closed") throw fault("E_STORE_CLOSED", ask, CLOSED);
      if (answer.why === "denied") throw fault("E_SERVER_UNSUITABLE", ask, DENIED);
      if (answer.why === "no responders" || answer.why === "no stream")
        await this.#checkStream(ask);
      if (ask.signal?.aborted) throw fault("E_STORE_UNAVAILABLE", ask, `${answer.why}; ${ABORTED}`);
      await this.#patience(wait * (0.5 + this.#random.next() / 2), ask.signal);
    }
  }

  /** Sends without waiting for anything; while the server is away, to nobody. */
  tell(subject: string, body: Uint8Array | string, reply?: string): void {
    if (this.connection.isClosed()) return;
    this.connection.publish(subject, body, reply === undefined ? {} : { reply });
  }

  /** Ends all waiting and closes the connection. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.requests.refuse("closed");
    await this.connection.close();
    await this.#watching;
  }

  /** Waits, at most until the connection is back, the link closes or the signal aborts. */
  async #patience(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const back = new AbortController();
    const forget = this.onReconnect(() => back.abort());
    const ends = [back.signal, this.#closing.signal, ...(signal ? [signal] : [])];
    await pause(this.clock, ms, AbortSignal.any(ends));
    forget();
  }

  async #checkStream(ask: Ask): Promise<void> {
    for (let times = 0; times < 2; times += 1) {
      const info = answerOf(await this.requests.send(`$JS.API.STREAM.INFO.${ask.stream}`, ""));
      if (!(info instanceof Away) || info.why !== "no stream") return;
      if (times === 0) await this.#patience(GONE_CONFIRM_MS, ask.signal);
    }
    if (ask.restore === undefined) throw fault("E_STORE_MISSING", ask, GONE(ask.stream));
    await ask.restore();
  }

  async #watch(statuses: AsyncIterable<Status>): Promise<void> {
    for await (const status of statuses) {
      if (this.#closing.signal.aborted) continue;
      if (status.type === "disconnect") this.requests.refuse("disconnected");
      else if (status.type === "reconnect") this.#back();
      else if (status.type === "close") this.requests.refuse("closed");
      else if (status.type === "error" && status.error instanceof PermissionViolationError)
        this.requests.deny(status.error.subject);
    }
  }

  #back(): void {
    this.#returnedAt = this.clock.mono();
    this.requests.accept();
    for (const look of [...this.#reconnected]) look();
  }
}

/** E_STORE_CLOSED for a call to a port that was closed. */
export const closed = (port: string): MillraceError =>
  new MillraceError("E_STORE_CLOSED", `the ${port} is closed; open the store again`);

const CLOSED = "the store is closed; open it again";
const DENIED = "the server's permissions forbid it; grant this user the subjects of the namespace";
const ABORTED = "the caller's signal aborted; whether it was stored is not known";
const GONE = (stream: string): string =>
  `the stream ${stream} does not exist on the server; restore it from a backup, or open the store again to begin with an empty one`;

const fault = (code: ErrorCode, ask: Ask, why: string): MillraceError =>
  new MillraceError(code, `cannot ${ask.what}: ${why}`, { details: { stream: ask.stream } });
