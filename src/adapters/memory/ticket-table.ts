/**
 * The tickets of the memory work queue. A run's ticket is in exactly one of three places:
 *
 *   delayed ── its time comes ──▶ ready ── take ──▶ held ── remove ──▶ gone
 *      ▲                            ▲                │
 *      └── release, at a time ──────┴── release, end of the lease ─┘
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Ticket } from "../../ports/work-queue.ts";
import { Bell } from "./gate.ts";

/** A ticket that somebody claimed. */
export interface Held {
  readonly ticket: Ticket;
  readonly token: string;
}

/** What a taker gives for each ticket it takes. */
export interface Lease {
  /** Unique. */
  readonly token: string;
  readonly leaseMs: number;
}

/** The tickets, as all openings of a backend share them. */
export class TicketTable {
  /** Rings when a ticket may have become claimable, or its time was set. */
  readonly changed = new Bell();
  readonly #clock: Clock;
  readonly #ready = new Map<string, Ticket>();
  /** By run; due in ms since the epoch. */
  readonly #delayed = new DueList<Ticket>();
  /** By run; due, as the end of the lease, in ms of the monotonic clock. */
  readonly #held = new DueList<Held>();
  readonly #runOfToken = new Map<string, string>();

  /** @param clock the time of the queue itself, whoever uses it */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#ready.size + this.#delayed.size + this.#held.size;
  }

  /** @param at ms since the epoch; 0: now */
  offer(ticket: Ticket, at: number): void {
    this.#catchUp();
    const { run } = ticket;
    if (this.#ready.has(run) || this.#held.get(run)) return;
    const delayed = this.#delayed.get(run);
    if (delayed && delayed.due <= at) return;
    this.#put(delayed?.item ?? ticket, at);
  }

  /** Up to `max` claimable tickets of the workflows, the longest ready first, now held. */
  take(workflows: readonly string[], max: number, lease: () => Lease): readonly Held[] {
    this.#catchUp();
    const taken: Held[] = [];
    for (const ticket of this.#ready.values()) {
      if (taken.length >= max) break;
      if (!workflows.includes(ticket.workflow)) continue;
      const { token, leaseMs } = lease();
      const held = { ticket, token };
      this.#ready.delete(ticket.run);
      this.#held.set(ticket.run, held, this.#clock.mono() + leaseMs);
      this.#runOfToken.set(token, ticket.run);
      taken.push(held);
    }
    return taken;
  }

  /** False if the lease has ended. */
  extend(token: string, leaseMs: number): boolean {
    const held = this.#heldBy(token);
    if (held) this.#held.set(held.ticket.run, held, this.#clock.mono() + leaseMs);
    return held !== undefined;
  }

  /** Removes the ticket, if it is still held by this token. */
  remove(token: string): void {
    const held = this.#heldBy(token);
    if (held) this.#drop(held);
  }

  /** Removes the ticket of a run, wherever it is. */
  removeOf(run: string): void {
    this.#catchUp();
    this.#ready.delete(run);
    this.#delayed.delete(run);
    const held = this.#held.get(run);
    if (held) this.#drop(held.item);
  }

  /** Gives the ticket back, if it is still held by this token. */
  release(token: string, at: number): void {
    const held = this.#heldBy(token);
    if (!held) return;
    this.#drop(held);
    this.#put(held.ticket, at);
  }

  /** How long it takes until a ticket becomes claimable by itself; infinite if none does. */
  msToNextChange(): number {
    return Math.min(this.#delayed.next - this.#clock.now(), this.#held.next - this.#clock.mono());
  }

  #heldBy(token: string): Held | undefined {
    this.#catchUp();
    const run = this.#runOfToken.get(token);
    return run === undefined ? undefined : this.#held.get(run)?.item;
  }

  #drop(held: Held): void {
    this.#held.delete(held.ticket.run);
    this.#runOfToken.delete(held.token);
  }

  #put(ticket: Ticket, at: number): void {
    if (at > this.#clock.now()) this.#delayed.set(ticket.run, ticket, at);
    else {
      this.#delayed.delete(ticket.run);
      this.#ready.set(ticket.run, ticket);
    }
    this.changed.ring();
  }

  /** Makes claimable what has become so by the passing of time. */
  #catchUp(): void {
    for (const ticket of this.#delayed.takeDue(this.#clock.now()))
      this.#ready.set(ticket.run, ticket);
    for (const held of this.#held.takeDue(this.#clock.mono())) {
      this.#runOfToken.delete(held.token);
      this.#ready.set(held.ticket.run, held.ticket);
    }
  }
}

/** Items by key, each with a time; looks through them only when the earliest time has come. */
class DueList<T> {
  readonly #items = new Map<string, { readonly item: T; readonly due: number }>();
  #next = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#items.size;
  }

  /** Nothing is due before this. */
  get next(): number {
    return this.#next;
  }

  get(key: string): { readonly item: T; readonly due: number } | undefined {
    return this.#items.get(key);
  }

  set(key: string, item: T, due: number): void {
    this.#items.set(key, { item, due });
    this.#next = Math.min(this.#next, due);
  }

  delete(key: string): void {
    this.#items.delete(key);
  }

  /** Removes and returns what is due, in the order of due times. */
  takeDue(now: number): readonly T[] {
    if (now < this.#next) return [];
    const due = [...this.#items].filter(([, entry]) => entry.due <= now);
    for (const [key] of due) this.#items.delete(key);
    this.#next = Number.POSITIVE_INFINITY;
    for (const entry of this.#items.values()) this.#next = Math.min(this.#next, entry.due);
    return due.sort(([, left], [, right]) => left.due - right.due).map(([, { item }]) => item);
  }
}
