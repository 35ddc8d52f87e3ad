/**
 * Takes messages from a durable consumer that all processes share, never more than its owner can
 * use: it keeps exactly the wanted number of messages asked for, for as long as they are wanted.
 */
import {
  ClosedConnectionError,
  InvalidOperationError,
  type Msg,
  nanos,
  type Subscription,
} from "@nats-io/transport-node";
import type { CancelTimer } from "../../kernel/clock.ts";
import { Away, answerOf, refusal } from "./answers.ts";
import { pullStatus } from "./deliveries.ts";
import type { Ask, Link } from "./link.ts";

/** A durable consumer as it must be; made when it is missing, corrected when it differs. */
export interface ConsumerDemand {
  readonly stream: string;
  readonly name: string;
  readonly filter: string;
  /** A message neither acked nor extended for this long is delivered again. */
  readonly ackWaitMs: number;
}

/** Whoever a puller pulls for. */
export interface Owner {
  /** Is handed every message, also one that comes when none is wanted any more. */
  take(msg: Msg): void;
  /** The consumer cannot be had; nothing more comes until `want` is called again. */
  fail(error: unknown): void;
}

const EXPIRES_MS = 30_000;
const HEARTBEAT_MS = 5_000;
/** Heard nothing for this long although messages are asked for: asks anew. */
const SILENCE_MS = 2 * HEARTBEAT_MS + 1_000;
/** When nothing is wanted for this long, what is still asked for is taken back. */
const REST_MS = 20;
/** Before asking anew when the consumer was lost, so that its loss does not become a storm. */
const LOST_WAIT_MS = 50;
/** Every process may have several pulls waiting; the server's default is 512 in all. */
const WAITING_MAX = 8_192;

/**
 * A consumer that nobody pulls from for this long is removed by the server, and made again when it is
 * wanted: names of workflows come and go. What is held counts as use (servers of 2.12 and newer).
 */
const UNUSED_MS = 24 * 60 * 60 * 1_000;

/** One subscription for answers; given up as a whole when its pulls are to be taken back. */
interface Inbox {
  readonly subject: string;
  readonly subscription: Subscription;
  /** Messages asked for that have not come yet. */
  asked: number;
}

export class Puller {
  readonly #link: Link;
  readonly #ask: Ask;
  readonly #demand: ConsumerDemand;
  readonly #owner: Owner;
  readonly #forget: () => void;
  #inbox: Inbox | undefined;
  #wanted = 0;
  #state: "unknown" | "making" | "ready" | "closed" = "unknown";
  #heardAt = 0;
  #listening: CancelTimer | undefined;
  #resting: CancelTimer | undefined;

  constructor(link: Link, ask: Ask, demand: ConsumerDemand, owner: Owner) {
    this.#link = link;
    this.#ask = ask;
    this.#demand = demand;
    this.#owner = owner;
    this.#forget = link.onReconnect(() => this.#askAnew());
  }

  /** From now on so many messages are wanted; each that comes has to be counted by the owner. */
  want(count: number): void {
    if (this.#state === "closed") return;
    this.#wanted = count;
    if (count > 0) {
      this.#listen();
      this.#pull();
    } else this.#rest();
  }

  /** What comes while it closes is still handed over. */
  async close(): Promise<void> {
    this.#state = "closed";
    this.#wanted = 0;
    this.#listening?.();
    this.#resting?.();
    this.#forget();
    await this.#takeBack();
  }

  #pull(): void {
    if (this.#wanted <= (this.#inbox?.asked ?? 0)) return;
    if (this.#state === "unknown") void this.#make();
    if (this.#state !== "ready") return;
    this.#inbox ??= this.#open();
    const request = {
      batch: this.#wanted - this.#inbox.asked,
      expires: nanos(EXPIRES_MS),
      idle_heartbeat: nanos(HEARTBEAT_MS),
    };
    if (this.#inbox.asked === 0) this.#heardAt = this.#link.clock.mono();
    this.#inbox.asked = this.#wanted;
    const { stream, name } = this.#demand;
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`;
    this.#link.tell(subject, JSON.stringify(request), this.#inbox.subject);
  }

  #open(): Inbox {
    const subject = this.#link.newInbox();
    const subscription = this.#link.connection.subscribe(subject, {
      callback: (error, msg) => (error ? this.#owner.fail(error) : this.#take(inbox, msg)),
    });
    const inbox = { subject, subscription, asked: 0 };
    return inbox;
  }

  #take(inbox: Inbox, msg: Msg): void {
    this.#heardAt = this.#link.clock.mono();
    if (msg.subject !== inbox.subject) {
      inbox.asked -= 1;
      this.#owner.take(msg);
    } else if (inbox === this.#inbox) this.#status(inbox, msg);
  }

  #status(inbox: Inbox, msg: Msg): void {
    const status = pullStatus(msg);
    if (status.kind === "alive") return;
    inbox.asked = status.kind === "ended" ? inbox.asked - status.undelivered : 0;
    if (status.kind === "lost") this.#lost();
    else this.#pull();
  }

  #lost(): void {
    if (this.#state !== "ready") return;
    this.#state = "making";
    this.#link.clock.after(LOST_WAIT_MS, () => {
      if (this.#state === "making") void this.#make();
    });
  }

  /** After silence or a reconnect nobody knows what became of the pulls. */
  #askAnew(): void {
    if (this.#inbox) this.#inbox.asked = 0;
    this.#pull();
  }

  /** Looks now and then whether anything was heard, as long as something is wanted. */
  #listen(): void {
    const { clock } = this.#link;
    this.#listening ??= clock.after(SILENCE_MS, () => {
      this.#listening = undefined;
      if (this.#wanted === 0) return;
      if (clock.mono() - this.#heardAt >= SILENCE_MS) this.#askAnew();
      this.#listen();
    });
  }

  /** Takes back what is asked for, unless something is wanted again soon. */
  #rest(): void {
    if (this.#inbox === undefined) return;
    this.#resting ??= this.#link.clock.after(REST_MS, () => {
      this.#resting = undefined;
      if (this.#wanted === 0) void this.#takeBack();
    });
  }

  /** The server drops pulls whose inbox is gone; what it sent before comes first. */
  async #takeBack(): Promise<void> {
    const inbox = this.#inbox;
    this.#inbox = undefined;
    await inbox?.subscription.drain().catch((error: unknown) => {
      // A lost connection has taken the pulls with it.
      if (error instanceof ClosedConnectionError || error instanceof InvalidOperationError) return;
      throw error;
    });
  }

  /** Makes the consumer and writes it once more, as `ensureStream` does and for the same reason. */
  async #make(): Promise<void> {
    this.#state = "making";
    try {
      await this.#request("");
      await this.#request("update");
      if (this.#closed()) return;
      this.#state = "ready";
      this.#pull();
    } catch (error) {
      if (this.#closed()) return;
      this.#state = "unknown";
      this.#owner.fail(error);
    }
  }

  #closed(): boolean {
    return this.#state === "closed";
  }

  async #request(action: "" | "update"): Promise<void> {
    const { stream, name, filter, ackWaitMs } = this.#demand;
    const config = {
      name,
      durable_name: name,
      filter_subject: filter,
      deliver_policy: "all",
      ack_policy: "explicit",
      ack_wait: nanos(ackWaitMs),
      max_deliver: -1,
      max_ack_pending: -1,
      max_waiting: WAITING_MAX,
      inactive_threshold: nanos(UNUSED_MS),
    };
    const subject = `$JS.API.CONSUMER.CREATE.${stream}.${name}.${filter}`;
    const body = JSON.stringify({ stream_name: stream, config, action });
    await this.#link.insist(this.#ask, async () => {
      const answer = answerOf(await this.#link.requests.send(subject, body));
      if (answer instanceof Away) return answer;
      if (answer.error) throw refusal(answer.error);
      return true;
    });
  }
}
