/**
 * The work queue on a JetStream work-queue stream: a ticket is a message on the run's own subject,
 * and its claim is a delivery that was not acked yet.
 */
import type { Msg } from "@nats-io/transport-node";
import { deferred } from "../../kernel/async.ts";
import { limits } from "../../kernel/limits.ts";
import type { Claim, ClaimRequest, Ticket, WorkQueue } from "../../ports/work-queue.ts";
import { Away } from "./answers.ts";
import { deliveryOf } from "./deliveries.ts";
import { type Ask, closed, type Link } from "./link.ts";
import { positioned, ticketBody } from "./positioned.ts";
import { Puller } from "./puller.ts";
import { type Subjects, ticketPlaceOf } from "./subjects.ts";
import { TicketClaim } from "./ticket-claim.ts";
import { TicketTimers } from "./ticket-timers.ts";
import { Tickets } from "./tickets.ts";

/** A ticket that comes when nobody waits for it is kept this long for the next claim. */
const SPARE_MS = 20;
/**
 * The server's lease is longer than the holder's by this, so that a holder always lets go first:
 * a twentieth, or the first number of ms.
 */
const GRACE_MS = 50;
const GRACE_SHARE = 0.05;
const NAK = "-NAK";
const TERMINATE = "+TERM";
const ACK_SUBJECT = /^\$JS\.ACK(\.[A-Za-z0-9_-]+)+$/;

/** What the queue is made of. */
export interface QueueParts {
  /** The connection that publishes tickets and acks. */
  readonly writing: Link;
  /** The connection that tickets come in by. */
  readonly reading: Link;
  readonly subjects: Subjects;
  /** Default `limits.leaseMs`. */
  readonly leaseMs?: number | undefined;
  /** Is the stream of tickets kept by several servers? */
  readonly replicated: boolean;
  /** Makes the stream again after it was lost: tickets are hints. */
  readonly restore: (stream: "work" | "timers") => Promise<void>;
}

export function natsWorkQueue(parts: QueueParts): WorkQueue {
  return new NatsWorkQueue(parts);
}

/** A call of `claim` that has not returned. */
interface Waiting {
  readonly workflows: ReadonlySet<string>;
  readonly max: number;
  readonly claims: Claim[];
  readonly resolve: (claims: readonly Claim[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Delivered {
  readonly ticket: Ticket;
  readonly token: string;
}

class NatsWorkQueue implements WorkQueue {
  readonly #parts: QueueParts;
  readonly #leaseMs: number;
  readonly #tickets: Tickets;
  readonly #timers: TicketTimers;
  readonly #unsubscribe: () => void;
  readonly #sources = new Map<string, Puller>();
  /** Claims of this process by the sequence of their ticket. */
  readonly #held = new Map<number, TicketClaim>();
  #waiting: readonly Waiting[] = [];
  #spares: readonly Delivered[] = [];
  #open = true;

  constructor(parts: QueueParts) {
    const { writing, reading, subjects, leaseMs = limits.leaseMs, restore } = parts;
    this.#parts = parts;
    this.#leaseMs = leaseMs;
    this.#tickets = new Tickets({ ...parts, link: writing });
    const { timers } = subjects.streams;
    this.#timers = new TicketTimers({
      writing,
      reading,
      subjects,
      ask: { what: "set a timer", stream: timers, restore: () => restore("timers") },
      body: ticketBody,
      onFault: (error) => this.#fail(error),
    });
    const heard = reading.connection.subscribe(subjects.reclaimed, {
      callback: (error, msg) => void (error ?? this.#reclaimed(msg.string())),
    });
    this.#unsubscribe = () => heard.unsubscribe();
  }

  async offer(ticket: Ticket, at?: number): Promise<void> {
    const ask = this.#ask(`offer run ${ticket.run}`);
    if (at !== undefined && at > this.#parts.writing.clock.now()) {
      if (!(await this.#tickets.has(ask, ticket))) await this.#timers.arm(ticket, at);
      return;
    }
    // A timer that is set once the ticket is there is its next holder's, and stays. The ticket of a run that has
    // just begun has none before it.
    const timer = ticket.hint === undefined ? await this.#timers.find(ticket.run) : undefined;
    const isNew = await this.#tickets.publish(ask, ticket);
    if (isNew && timer) await this.#timers.disarm(ticket.run, timer.seq);
  }

  async claim({ workflows, max, signal }: ClaimRequest): Promise<readonly Claim[]> {
    this.#ask("claim");
    if (signal.aborted || max <= 0 || workflows.length === 0) return [];
    const { promise, resolve, reject } = deferred<readonly Claim[]>();
    const waiting = { workflows: new Set(workflows), max, claims: [], resolve, reject };
    for (const workflow of workflows) this.#source(workflow);
    this.#waiting = [...this.#waiting, waiting];
    const stop = (): void => this.#finish(waiting);
    signal.addEventListener("abort", stop, { once: true });
    const spares = this.#spares;
    this.#spares = [];
    for (const spare of spares) this.#hand(spare);
    this.#want();
    return promise.finally(() => signal.removeEventListener("abort", stop));
  }

  async reclaim(token: string): Promise<void> {
    const ask = this.#ask("give a claim back");
    const { writing, subjects } = this.#parts;
    if (!ACK_SUBJECT.test(token) || deliveryOf(token).stream !== subjects.streams.work) return;
    // Whoever holds it, should it live after all, hears that it must let go.
    writing.tell(subjects.reclaimed, token);
    await writing.insist(ask, async () => {
      const reply = await writing.requests.send(token, NAK);
      return "none" in reply && reply.none !== "no responders" ? new Away(reply.none) : true;
    });
  }

  /** Timers first: one that is due meanwhile becomes a ticket that is still there to be removed. */
  async remove(run: string): Promise<void> {
    const ask = this.#ask(`remove the ticket of run ${run}`);
    await this.#timers.remove(run);
    await this.#tickets.remove(ask, run);
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    for (const waiting of this.#waiting) this.#finish(waiting);
    this.#unsubscribe();
    const pullers = [...this.#sources.values()];
    await Promise.all([this.#timers.close(), ...pullers.map((puller) => puller.close())]);
    this.#giveBackSpares();
    await this.#parts.reading.synced();
  }

  #source(workflow: string): Puller {
    const present = this.#sources.get(workflow);
    if (present) return present;
    const { reading, subjects } = this.#parts;
    const demand = {
      stream: subjects.streams.work,
      name: `RUN_${workflow}`,
      filter: subjects.tickets(workflow),
      ackWaitMs: this.#leaseMs + Math.max(GRACE_MS, this.#leaseMs * GRACE_SHARE),
    };
    const source = new Puller(reading, this.#ask(`claim tickets of ${workflow}`), demand, {
      take: (msg) => this.#take(msg),
      fail: (error) => this.#fail(error),
    });
    this.#sources.set(workflow, source);
    return source;
  }

  #take(msg: Msg): void {
    const place = ticketPlaceOf(msg.subject);
    const token = msg.reply ?? "";
    // Delivered again: whoever had it here lost it.
    this.#held.get(deliveryOf(token).seq)?.lose();
    const hint = positioned(msg.data);
    if (place) this.#hand({ ticket: { ...place, ...(hint && { hint }) }, token });
    else this.#parts.reading.tell(token, TERMINATE);
    this.#want();
  }

  /** To the first claim that wants it; otherwise it is kept for a moment. */
  #hand(delivered: Delivered): void {
    const { ticket } = delivered;
    const taker = this.#waiting.find(
      ({ workflows, claims, max }) => claims.length < max && workflows.has(ticket.workflow),
    );
    if (taker === undefined) this.#keep(delivered);
    // The messages that came in with this one are handed over before the claim returns.
    else if (taker.claims.push(this.#claimOf(delivered)) === 1) void this.#finishSoon(taker);
  }

  #claimOf({ ticket, token }: Delivered): Claim {
    const { writing: link } = this.#parts;
    const { seq } = deliveryOf(token);
    const ask = this.#workAsk(`end the claim of run ${ticket.run}`);
    const claim: TicketClaim = new TicketClaim({
      ...{ link, ask },
      ticket,
      token,
      leaseMs: this.#leaseMs,
      postpone: (at) => this.#timers.armOver(ticket, at, seq),
      recall: async () => {
        if (!(await this.#timers.has(ticket.run))) await this.#tickets.publish(ask, ticket);
      },
      onAcked: () => this.#tickets.acked(seq),
      onEnd: () => {
        if (this.#held.get(seq) === claim) this.#held.delete(seq);
      },
    });
    this.#held.set(seq, claim);
    return claim;
  }

  async #finishSoon(waiting: Waiting): Promise<void> {
    await this.#parts.reading.clock.turn();
    this.#finish(waiting);
  }

  #finish(waiting: Waiting): void {
    this.#waiting = this.#waiting.filter((one) => one !== waiting);
    waiting.resolve(waiting.claims);
    if (this.#open) this.#want();
  }

  #fail(error: unknown): void {
    const failed = this.#waiting.filter(({ claims }) => claims.length === 0);
    this.#waiting = this.#waiting.filter(({ claims }) => claims.length > 0);
    for (const { reject } of failed) reject(error);
  }

  /** As many tickets are asked for as there are places, spread over the workflows of each claim. */
  #want(): void {
    const wanted = new Map<string, number>();
    for (const { workflows, max, claims } of this.#waiting)
      for (const workflow of workflows) {
        const share = Math.ceil((max - claims.length) / workflows.size);
        wanted.set(workflow, (wanted.get(workflow) ?? 0) + share);
      }
    for (const [workflow, source] of this.#sources) source.want(wanted.get(workflow) ?? 0);
    this.#timers.listen(this.#waiting.length > 0);
  }

  #keep(delivered: Delivered): void {
    this.#spares = [...this.#spares, delivered];
    if (this.#spares.length === 1)
      this.#parts.reading.clock.after(SPARE_MS, () => this.#giveBackSpares());
  }

  #giveBackSpares(): void {
    for (const { token } of this.#spares) this.#parts.reading.tell(token, NAK);
    this.#spares = [];
  }

  #reclaimed(token: string): void {
    const claim = this.#held.get(deliveryOf(token).seq);
    if (claim?.token === token) claim.lose();
  }

  #ask(what: string): Ask {
    if (!this.#open) throw closed("work queue");
    return this.#workAsk(what);
  }

  #workAsk(what: string): Ask {
    const { subjects, restore } = this.#parts;
    return { what, stream: subjects.streams.work, restore: () => restore("work") };
  }
}
