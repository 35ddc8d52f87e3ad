/** The work queue: tickets are taken in transactions, and waited for without asking the file. */
import { Wakeup } from "../../kernel/async.ts";
import { limits } from "../../kernel/limits.ts";
import type { Claim, ClaimRequest, Ticket, WorkQueue } from "../../ports/work-queue.ts";
import type { Access, Backend } from "./backend.ts";
import type { Holders } from "./holders.ts";
import { type Held, TicketTable } from "./ticket-table.ts";
import { type News, Wakeups } from "./wakeups.ts";

/** Whoever waits for tickets looks for himself after commits of other processes. */
const ANYTHING: News = { forget: () => undefined, keys: () => "all" };

/** Between run and secret in the text of a token; occurs in neither. */
const SEPARATOR = ".";

export class SqliteWorkQueue implements WorkQueue {
  readonly #backend: Backend;
  readonly #access: Access;
  readonly #holders: Holders;
  readonly #tickets: TicketTable;
  readonly #waiting: Wakeups;

  constructor(backend: Backend, holders: Holders, leaseMs: number = limits.leaseMs) {
    this.#backend = backend;
    this.#access = backend.access();
    this.#holders = holders;
    this.#tickets = new TicketTable(backend, leaseMs);
    this.#waiting = new Wakeups(backend.foreign, ANYTHING);
  }

  /** Hints of tickets are dropped: reading the frame from the same file costs no more. */
  async offer(ticket: Ticket, at?: number): Promise<void> {
    await this.#hint(
      () => this.#tickets.offer(ticket, at),
      (changed) => changed && this.#waiting.wake(ticket.workflow),
    );
  }

  async claim(request: ClaimRequest): Promise<readonly Claim[]> {
    this.#access.check();
    const { workflows, max, signal } = request;
    if (max <= 0) return [];
    const waiter = new Wakeup();
    const wake = (): void => waiter.wake();
    const endings = [
      this.#waiting.join(workflows, waiter),
      this.#holders.watch(wake),
      () => signal.removeEventListener("abort", wake),
    ];
    signal.addEventListener("abort", wake, { once: true });
    try {
      while (!signal.aborted && !this.#access.closed) {
        const due = await this.#access.read(() => this.#tickets.earliest(workflows));
        const held = await this.#takeOrWait(request, due, waiter);
        if (held.length > 0) return held.map((one) => this.#claimOf(one));
      }
      return [];
    } finally {
      for (const end of endings) end();
    }
  }

  async reclaim(token: string): Promise<void> {
    const split = token.lastIndexOf(SEPARATOR);
    if (split < 0) return this.#access.check();
    await this.#release(token.slice(0, split), token.slice(split + 1));
  }

  remove(run: string): Promise<void> {
    return this.#hint(
      () => this.#tickets.removeOf(run),
      () => undefined,
    );
  }

  async close(): Promise<void> {
    if (this.#access.closed) return;
    const released = this.#hint(
      () => this.#holders.release(),
      () => undefined,
    );
    this.#access.close();
    this.#waiting.wakeAll();
    await released;
  }

  async #takeOrWait(
    { workflows, max, signal }: ClaimRequest,
    due: number | undefined,
    waiter: Wakeup,
  ): Promise<readonly Held[]> {
    const { clock } = this.#backend.world;
    const waitMs = due === undefined ? undefined : due - clock.now();
    if (waitMs !== undefined && waitMs <= 0) {
      return this.#hint(
        () => (signal.aborted || this.#access.closed ? [] : this.#tickets.take(workflows, max)),
        () => undefined,
      );
    }
    const stop = waitMs === undefined ? undefined : clock.after(waitMs, () => waiter.wake());
    await waiter.next();
    stop?.();
    return [];
  }

  #claimOf(held: Held): Claim {
    return {
      ticket: { workflow: held.workflow, run: held.run },
      token: `${held.run}${SEPARATOR}${held.token}`,
      extend: () =>
        this.#hint(
          () => this.#tickets.extend(held),
          () => undefined,
        ),
      ack: () =>
        this.#hint(
          () => this.#tickets.remove(held),
          () => undefined,
        ),
      release: (at) => this.#release(held.run, held.token, at),
    };
  }

  async #release(run: string, token: string, at?: number): Promise<void> {
    await this.#hint(
      () => this.#tickets.release(run, token, at),
      (workflow) => workflow !== undefined && this.#waiting.wake(workflow),
    );
  }

  /** Tickets are hints: they wait for no disk, and the sweep restores what a power cut takes. */
  #hint<T>(run: () => T, committed: (value: T) => unknown): Promise<T> {
    return this.#access.write({ durable: false, run, committed: (value) => void committed(value) });
  }
}
