/** Tickets as messages of a JetStream work-queue stream: each on its run's own subject, published only if there is none. */
import { pause } from "../../kernel/clock.ts";
import type { Ticket } from "../../ports/work-queue.ts";
import { AckedTickets } from "./acked-tickets.ts";
import { Away, storedOf } from "./answers.ts";
import { askLeader } from "./direct-get.ts";
import type { Ask, Link } from "./link.ts";
import { ticketBody } from "./positioned.ts";
import { purge } from "./purge.ts";
import type { Subjects } from "./subjects.ts";

/**
 * In a cluster an acked ticket is removed a moment after the ack: an offer that meets one waits for
 * this long and looks again, lest it take what is going for what is there.
 */
const REMOVAL_MS = 50;

/** Where they are. */
export interface TicketsParts {
  /** The connection that publishes. */
  readonly link: Link;
  readonly subjects: Subjects;
  /** Is their stream kept by several servers? */
  readonly replicated: boolean;
}

export class Tickets {
  readonly #parts: TicketsParts;
  readonly #acked: AckedTickets;

  constructor(parts: TicketsParts) {
    this.#parts = parts;
    this.#acked = new AckedTickets(parts.link.clock);
  }

  /** Resolves once the run has a ticket. False: it had one. */
  publish(ask: Ask, ticket: Ticket): Promise<boolean> {
    const { link } = this.#parts;
    const subject = this.#subject(ticket);
    const headers = { "Nats-Expected-Last-Subject-Sequence": ["0"] };
    const body = ticketBody(ticket);
    return link.insist(ask, async () => {
      const stored = storedOf(await link.requests.send(subject, body, { headers }));
      if (stored instanceof Away) return stored;
      if ("seq" in stored) return true;
      const isGoing = await this.#isGoing(stored.wrongLast);
      return isGoing === true ? new Away("busy") : isGoing;
    });
  }

  has(ask: Ask, ticket: Ticket): Promise<boolean> {
    const { link, subjects } = this.#parts;
    const query = { last_by_subj: this.#subject(ticket) };
    return link.insist(ask, async () => {
      const found = await askLeader(link, subjects.streams.work, query);
      if (found === undefined || found instanceof Away) return found ?? false;
      const isGoing = await this.#isGoing(found.seq);
      return isGoing instanceof Away ? isGoing : !isGoing;
    });
  }

  async remove(ask: Ask, run: string): Promise<void> {
    const { link, subjects } = this.#parts;
    const filter = subjects.ticketOf(run);
    await link.insist(ask, () => purge(link, subjects.streams.work, { filter }));
  }

  /** The server has the ack of the ticket at this sequence: it is gone, or about to go. */
  acked(seq: number): void {
    if (this.#parts.replicated) this.#acked.add(seq);
  }

  /** Is the ticket at this sequence one that was acked and is about to be removed? */
  async #isGoing(seq: number): Promise<boolean | Away> {
    const { link, subjects, replicated } = this.#parts;
    if (!replicated) return false;
    await pause(link.clock, REMOVAL_MS);
    if (this.#acked.has(seq)) return true;
    const found = await askLeader(link, subjects.streams.work, { seq });
    return found instanceof Away ? found : found === undefined;
  }

  #subject({ workflow, run }: Ticket): string {
    return this.#parts.subjects.ticket(workflow, run);
  }
}
