/** Statements about tickets. Those that change something are to be called inside a transaction. */
import type { StatementSync } from "node:sqlite";
import type { Ticket } from "../../ports/work-queue.ts";
import type { Backend } from "./backend.ts";

/** A ticket that was just taken, and the proof of it. */
export interface Held {
  readonly run: string;
  readonly workflow: string;
  readonly token: string;
}

interface Row {
  readonly id: number;
  readonly run: string;
  readonly workflow: string;
  readonly due: number;
}

/** `due` of a ticket that is claimable at once, in the order of offering. */
const AT_ONCE = 0;

export class TicketTable {
  readonly #backend: Backend;
  readonly #leaseMs: number;
  readonly #offer: StatementSync;
  readonly #earliest: StatementSync;
  readonly #timed: StatementSync;
  readonly #fresh: StatementSync;
  readonly #take: StatementSync;
  readonly #extend: StatementSync;
  readonly #delete: StatementSync;
  readonly #deleteOf: StatementSync;
  readonly #release: StatementSync;

  constructor(backend: Backend, leaseMs: number) {
    const { db } = backend;
    this.#backend = backend;
    this.#leaseMs = leaseMs;
    this.#offer = db.prepare(
      `INSERT INTO tickets (namespace, run, workflow, due) VALUES (?, ?, ?, ?)
       ON CONFLICT (namespace, run) DO UPDATE SET due = excluded.due
       WHERE token IS NULL AND due > excluded.due`,
    );
    this.#earliest = db.prepare(
      "SELECT min(due) AS due FROM tickets WHERE namespace = ? AND workflow = ?",
    );
    const candidates =
      "SELECT id, run, workflow, due FROM tickets WHERE namespace = ? AND workflow = ?";
    this.#timed = db.prepare(`${candidates} AND due > 0 AND due <= ? ORDER BY due LIMIT ?`);
    this.#fresh = db.prepare(`${candidates} AND due = 0 ORDER BY id LIMIT ?`);
    this.#take = db.prepare("UPDATE tickets SET due = ?, token = ?, holder = ? WHERE id = ?");
    const held = "WHERE namespace = ? AND run = ? AND token = ?";
    this.#extend = db.prepare(`UPDATE tickets SET due = ? ${held}`);
    this.#delete = db.prepare(`DELETE FROM tickets ${held}`);
    this.#deleteOf = db.prepare("DELETE FROM tickets WHERE namespace = ? AND run = ?");
    this.#release = db.prepare(
      `UPDATE tickets SET due = ?, token = NULL, holder = NULL ${held} RETURNING workflow`,
    );
  }

  /** False when the run has a ticket that is due as early, or claimed. */
  offer({ run, workflow }: Ticket, at?: number): boolean {
    return this.#offer.run(this.#backend.namespace, run, workflow, dueAt(at)).changes === 1;
  }

  /** When the next ticket of these workflows is claimable; undefined: there is none. */
  earliest(workflows: readonly string[]): number | undefined {
    const dues = workflows.map((workflow) => {
      const row = this.#earliest.get(this.#backend.namespace, workflow);
      return (row as { due: number | null }).due ?? Number.POSITIVE_INFINITY;
    });
    const due = Math.min(...dues);
    return due === Number.POSITIVE_INFINITY ? undefined : due;
  }

  /**
   * Takes up to `max` claimable tickets: first those whose time has come and those that a holder
   * lost, then the others in the order of offering.
   */
  take(workflows: readonly string[], max: number): readonly Held[] {
    const now = this.#backend.world.clock.now();
    const due = dueAt(now + this.#leaseMs);
    return this.#candidates(workflows, now, max).map(({ id, run, workflow }) => {
      const token = this.#backend.world.ids();
      this.#take.run(due, token, this.#backend.holder, id);
      return { run, workflow, token };
    });
  }

  extend({ run, token }: Held): boolean {
    const due = dueAt(this.#backend.world.clock.now() + this.#leaseMs);
    return this.#extend.run(due, this.#backend.namespace, run, token).changes === 1;
  }

  remove({ run, token }: Held): void {
    this.#delete.run(this.#backend.namespace, run, token);
  }

  /** The ticket of a run, whoever holds it. */
  removeOf(run: string): void {
    this.#deleteOf.run(this.#backend.namespace, run);
  }

  /** The workflow of the ticket given back; undefined when it was not held by this token. */
  release(run: string, token: string, at?: number): string | undefined {
    const row = this.#release.get(dueAt(at), this.#backend.namespace, run, token);
    return (row as { workflow: string } | undefined)?.workflow;
  }

  #candidates(workflows: readonly string[], now: number, max: number): readonly Row[] {
    const { namespace } = this.#backend;
    const timed: Row[] = [];
    const fresh: Row[] = [];
    for (const workflow of workflows) {
      timed.push(...rowsOf(this.#timed.all(namespace, workflow, now, max)));
      fresh.push(...rowsOf(this.#fresh.all(namespace, workflow, max)));
    }
    timed.sort((left, right) => left.due - right.due);
    fresh.sort((left, right) => left.id - right.id);
    return [...timed, ...fresh].slice(0, max);
  }
}

const rowsOf = (rows: readonly unknown[]): readonly Row[] => rows as readonly Row[];

/** Any time is kept; one in the past, or none, is now. */
const dueAt = (at: number = AT_ONCE): number =>
  Math.min(Number.MAX_SAFE_INTEGER, Math.max(AT_ONCE, Math.ceil(at)));
