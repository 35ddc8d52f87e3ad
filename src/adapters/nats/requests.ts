/**
 * Request and reply on one connection, with one subscription for all answers. The client's own
 * `request()` captures stack traces and starts a timer per call; for acknowledged publishes this
 * does the same work in half the time, and it can collect several answers to one request.
 */
import {
  InvalidArgumentError,
  type Msg,
  MsgHdrsImpl,
  type NatsConnection,
} from "@nats-io/transport-node";
import type { Clock } from "../../kernel/clock.ts";
import { MillraceError } from "../../kernel/errors.ts";

/**
 * Why there is no answer. After "timeout" and "disconnected" the request may have been carried out
 * or still be; the others say that it was not. "denied": the server's permissions forbid it.
 */
export type Silence = "timeout" | "disconnected" | "no responders" | "denied" | "closed";

/** The last message of an answer, or why there is none. */
export type Reply = { readonly msg: Msg } | { readonly none: Silence };

/** Message headers, each name with its values. */
export type Headers = Record<string, string[]>;

/** What a request carries besides its body. */
export interface RequestOptions {
  readonly headers?: Headers;
  /** Default 3,000; rounded up to the next quarter of a second. */
  readonly timeoutMs?: number;
  /** Is handed each message of the answer; true for the last. Default: the first is the last. */
  readonly each?: (msg: Msg) => boolean;
}

interface Pending {
  readonly subject: string;
  readonly timeoutMs: number;
  readonly each: ((msg: Msg) => boolean) | undefined;
  readonly resolve: (reply: Reply) => void;
  deadline: number;
}

const TIMEOUT_MS = 3_000;
/** Deadlines are looked at this often, with one timer for all. */
const SWEEP_MS = 250;
const NO_RESPONDERS = 503;

/** All requests of one connection. The owner tells it when the connection is lost and regained. */
export class Requests {
  readonly #connection: NatsConnection;
  readonly #clock: Clock;
  readonly #inbox: string;
  readonly #pending = new Map<string, Pending>();
  #count = 0;
  #sweeping = false;
  #refusing: Silence | undefined;

  /** @param inbox a subject of its own; answers come to tokens below it */
  constructor(connection: NatsConnection, clock: Clock, inbox: string) {
    this.#connection = connection;
    this.#clock = clock;
    this.#inbox = `${inbox}.`;
    connection.subscribe(`${this.#inbox}*`, {
      callback: (error, msg) => (error ? this.refuse("denied") : this.#take(msg)),
    });
  }

  /**
   * Sends and waits for the answer. Never rejects for want of one.
   * @throws MillraceError `E_TOO_LARGE` when the server's limit for one message is exceeded
   */
  send(subject: string, body: Uint8Array | string, options: RequestOptions = {}): Promise<Reply> {
    if (this.#refusing !== undefined) return Promise.resolve({ none: this.#refusing });
    const { headers, timeoutMs = TIMEOUT_MS, each } = options;
    const token = (this.#count++).toString(36);
    return new Promise((resolve, reject) => {
      const deadline = this.#clock.mono() + timeoutMs;
      this.#pending.set(token, { subject, timeoutMs, each, resolve, deadline });
      this.#sweepLater();
      try {
        const reply = this.#inbox + token;
        const encoded = headers && { headers: MsgHdrsImpl.fromRecord(headers) };
        this.#connection.publish(subject, body, { reply, ...encoded });
      } catch (error) {
        this.#pending.delete(token);
        if (this.#connection.isClosed()) resolve({ none: "closed" });
        else reject(error instanceof InvalidArgumentError ? tooLarge(subject, body, error) : error);
      }
    });
  }

  /** Ends what waits, and everything sent from now on until `accept()`, with this reason. */
  refuse(reason: Silence): void {
    this.#refusing = reason;
    for (const [token, pending] of this.#pending) this.#end(token, pending, { none: reason });
  }

  /** Lets requests through again. */
  accept(): void {
    this.#refusing = undefined;
  }

  /** The server forbids publishing to the subject: ends the requests that did. */
  deny(subject: string): void {
    for (const [token, pending] of this.#pending)
      if (pending.subject === subject) this.#end(token, pending, { none: "denied" });
  }

  #take(msg: Msg): void {
    const token = msg.subject.slice(this.#inbox.length);
    const pending = this.#pending.get(token);
    if (pending === undefined) return;
    if (msg.data.length === 0 && msg.headers?.code === NO_RESPONDERS)
      this.#end(token, pending, { none: "no responders" });
    else if (pending.each === undefined || pending.each(msg)) this.#end(token, pending, { msg });
    else pending.deadline = this.#clock.mono() + pending.timeoutMs;
  }

  #end(token: string, pending: Pending, reply: Reply): void {
    this.#pending.delete(token);
    pending.resolve(reply);
  }

  #sweepLater(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#clock.after(SWEEP_MS, () => {
      this.#sweeping = false;
      const now = this.#clock.mono();
      for (const [token, pending] of this.#pending)
        if (pending.deadline <= now) this.#end(token, pending, { none: "timeout" });
      if (this.#pending.size > 0) this.#sweepLater();
    });
  }
}

const tooLarge = (
  subject: string,
  body: Uint8Array | string,
  cause: InvalidArgumentError,
): MillraceError =>
  new MillraceError(
    "E_TOO_LARGE",
    `a message of ${body.length} bytes is larger than the server takes; raise its max_payload or keep large values out of events`,
    { cause, details: { subject, bytes: body.length } },
  );
