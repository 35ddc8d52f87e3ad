/**
 * The work queue in memory. Times of tickets and ends of leases are looked at whenever the queue is
 * used; only a waiting claim sets a timer, so an idle queue keeps no process alive.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Ids } from "../../kernel/ids.ts";
import type { Claim, ClaimRequest, Ticket, WorkQueue } from "../../ports/work-queue.ts";
import { Gate } from "./gate.ts";
import type { Held, TicketTable } from "./ticket-table.ts";

/** What one opening adds to the shared tickets. */
export interface QueueOptions {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly leaseMs: number;
}

/** One opening of a `TicketTable`. */
export class MemoryWorkQueue implements WorkQueue {
  readonly #gate = new Gate("work queue");
  readonly #tickets: TicketTable;
  readonly #options: QueueOptions;
  /** Tokens of claims made here, which end with this opening. */
  readonly #held = new Set<string>();

  constructor(tickets: TicketTable, options: QueueOptions) {
    this.#tickets = tickets;
    this.#options = options;
  }

  async offer(ticket: Ticket, at = 0): Promise<void> {
    this.#gate.pass();
    this.#tickets.offer(copyOf(ticket), at);
  }

  async claim({ workflows, max, signal }: ClaimRequest): Promise<readonly Claim[]> {
    this.#gate.pass();
    const { clock, ids, leaseMs } = this.#options;
    while (!signal.aborted && !this.#gate.isShut) {
      const taken = this.#tickets.take(workflows, max, () => ({ token: ids(), leaseMs }));
      if (taken.length > 0) return taken.map((held) => this.#claimOf(held));
      await this.#tickets.changed.heard({ signal, clock, ms: this.#tickets.msToNextChange() });
    }
    return [];
  }

  async reclaim(token: string): Promise<void> {
    this.#gate.pass();
    this.#tickets.release(token, 0);
  }

  async remove(run: string): Promise<void> {
    this.#gate.pass();
    this.#tickets.removeOf(run);
  }

  /** The holder is gone, so what it held is claimable at once. */
  async close(): Promise<void> {
    if (this.#gate.isShut) return;
    this.#gate.shut();
    for (const token of this.#held) this.#tickets.release(token, 0);
    this.#held.clear();
    this.#tickets.changed.ring();
  }

  #claimOf({ ticket, token }: Held): Claim {
    this.#held.add(token);
    const { leaseMs } = this.#options;
    const letGo = (): void => {
      this.#gate.pass();
      this.#held.delete(token);
    };
    return {
      ticket: copyOf(ticket),
      token,
      extend: async () => {
        this.#gate.pass();
        const kept = this.#tickets.extend(token, leaseMs);
        if (!kept) this.#held.delete(token);
        return kept;
      },
      ack: async () => {
        letGo();
        this.#tickets.remove(token);
      },
      release: async (at = 0) => {
        letGo();
        this.#tickets.release(token, at);
      },
    };
  }
}

const copyOf = (ticket: Ticket): Ticket =>
  ticket.hint === undefined
    ? ticket
    : { ...ticket, hint: { ...ticket.hint, bytes: ticket.hint.bytes.slice() } };
