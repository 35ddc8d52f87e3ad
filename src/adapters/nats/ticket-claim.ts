/** A ticket delivered to this process: its lease is the consumer's ack wait. */
import type { Claim, Ticket } from "../../ports/work-queue.ts";
import { Away } from "./answers.ts";
import type { Ask, Link } from "./link.ts";

/** What a claim is made of. */
export interface ClaimParts {
  readonly link: Link;
  readonly ask: Ask;
  readonly ticket: Ticket;
  /** The subject that acks, extends and gives back this very delivery. */
  readonly token: string;
  readonly leaseMs: number;
  /** Sets the time from which the ticket is claimable again, before it is taken from the stream. False: perhaps. */
  readonly postpone: (at: number) => Promise<boolean>;
  /** Makes the ticket claimable at once if nothing has come of its time. */
  readonly recall: () => Promise<void>;
  /** The server has the ack: the ticket is gone, or about to go. */
  readonly onAcked: () => void;
  /** Is called once, when the claim has ended in whatever way. */
  readonly onEnd: () => void;
}

/** Acks that are understood by a JetStream consumer (ADR-15). */
const ACK = "+ACK";
const NAK = "-NAK";
const EXTEND = "+WPI";

/**
 * The server does not say whose delivery an extension is for, nor whether it came too late. So the
 * holder keeps its own time, which begins before the server's, and hears of redeliveries through
 * `lose`.
 */
export class TicketClaim implements Claim {
  readonly ticket: Ticket;
  readonly token: string;
  readonly #parts: ClaimParts;
  #heldSince: number;
  #over = false;

  constructor(parts: ClaimParts) {
    this.ticket = parts.ticket;
    this.token = parts.token;
    this.#parts = parts;
    this.#heldSince = parts.link.clock.mono();
  }

  /** Someone else has the ticket. */
  lose(): void {
    this.#end();
  }

  async extend(): Promise<boolean> {
    if (!this.#held()) return false;
    const { link, token, leaseMs } = this.#parts;
    const asked = link.clock.mono();
    const reply = await link.requests.send(token, EXTEND, { timeoutMs: leaseMs / 3 });
    if ("msg" in reply && this.#held()) this.#heldSince = asked;
    return this.#held();
  }

  async ack(): Promise<void> {
    this.#end();
    await this.#settle(ACK);
  }

  async release(at?: number): Promise<void> {
    // Whoever lost the ticket has nothing to give back, and would take it from its new holder.
    if (!this.#held()) return;
    this.#end();
    if (at !== undefined && at > this.#parts.link.clock.now()) {
      const isSet = await this.#parts.postpone(at);
      await this.#settle(ACK);
      if (!isSet) await this.#parts.recall();
    } else await this.#settle(NAK);
  }

  #held(): boolean {
    const { link, leaseMs } = this.#parts;
    if (!this.#over && link.clock.mono() - this.#heldSince >= leaseMs) this.#end();
    return !this.#over;
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#parts.onEnd();
  }

  async #settle(verb: string): Promise<void> {
    const { link, ask, token } = this.#parts;
    await link.insist(ask, async () => {
      const reply = await link.requests.send(token, verb);
      // Nobody there to be told: the consumer is gone, and with it what it knew of this delivery.
      if (!("msg" in reply)) return reply.none === "no responders" || new Away(reply.none);
      if (verb === ACK) this.#parts.onAcked();
      return true;
    });
  }
}
