/** What an append and an erase do inside their transaction. */
import type { StatementSync } from "node:sqlite";
import { MillraceError } from "../../kernel/errors.ts";
import type { AppendOutcome, NewFrame, Position } from "../../ports/event-log.ts";
import type { Backend } from "./backend.ts";
import { positionBase, positionLimit } from "./schema.ts";

/** `erased`: its only row in `frames` is a tombstone, which has no bytes. */
interface RunRow {
  readonly id: number;
  readonly erased: number;
}

const TOMBSTONE = new Uint8Array();

export class FrameWriter {
  readonly #backend: Backend;
  readonly #base: number;
  readonly #last: StatementSync;
  readonly #run: StatementSync;
  readonly #newRun: StatementSync;
  readonly #first: StatementSync;
  readonly #next: StatementSync;
  readonly #head: StatementSync;
  readonly #after: StatementSync;
  readonly #deleteFrames: StatementSync;
  readonly #entomb: StatementSync;
  readonly #revive: StatementSync;
  /** The next free row id, true within one transaction only: other processes append too. */
  #free = 0;
  #freeIn = -1;

  constructor(backend: Backend) {
    const { db, namespace } = backend;
    this.#backend = backend;
    this.#base = positionBase(namespace);
    this.#last = db.prepare(
      "SELECT coalesce(max(position), 0) AS last FROM frames WHERE position BETWEEN ? AND ?",
    );
    this.#run = db.prepare("SELECT id, erased FROM runs WHERE namespace = ? AND run = ?");
    this.#newRun = db.prepare(
      "INSERT INTO runs (namespace, run, workflow) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    );
    this.#first = db.prepare("INSERT INTO frames (position, run, bytes) VALUES (?, ?, ?)");
    this.#next = db.prepare(
      `INSERT INTO frames (position, run, bytes)
       SELECT ?, id, ? FROM runs WHERE namespace = ? AND run = ? AND erased = 0
         AND (SELECT max(position) FROM frames WHERE frames.run = runs.id) = ?`,
    );
    this.#head = db.prepare("SELECT max(position) AS head FROM frames WHERE run = ?");
    this.#after = db.prepare(
      `SELECT position, bytes FROM frames WHERE run = ? AND position > ?
       ORDER BY position LIMIT 1`,
    );
    this.#deleteFrames = db.prepare("DELETE FROM frames WHERE run = ?");
    this.#entomb = db.prepare("UPDATE runs SET erased = 1, workflow = '' WHERE id = ?");
    this.#revive = db.prepare("UPDATE runs SET erased = 0, workflow = ? WHERE id = ?");
  }

  /** @throws MillraceError `E_RUN_ERASED` */
  append(frame: NewFrame): AppendOutcome {
    const position = this.#nextFree();
    const stored = frame.expected === 0 ? this.#begin(frame) : this.#continue(frame);
    if (!stored && !this.#beginAnew(frame)) return this.#explain(frame);
    this.#free = position + 1;
    return { ok: true, position: position - this.#base };
  }

  /** False when the run has no frames, or had been erased before. */
  erase(run: string): boolean {
    const row = this.#find(run);
    if (row === undefined || row.erased) return false;
    const position = this.#nextFree();
    this.#deleteFrames.run(row.id);
    this.#first.run(position, row.id, TOMBSTONE);
    this.#entomb.run(row.id);
    this.#free = position + 1;
    return true;
  }

  #begin({ run, workflow, bytes }: NewFrame): boolean {
    const { changes, lastInsertRowid } = this.#newRun.run(this.#backend.namespace, run, workflow);
    if (changes === 0) return false;
    this.#first.run(this.#free, lastInsertRowid, bytes);
    return true;
  }

  #continue({ run, expected, bytes }: NewFrame): boolean {
    const head = this.#base + expected;
    return this.#next.run(this.#free, bytes, this.#backend.namespace, run, head).changes === 1;
  }

  /** Behind the tombstone of an erased run. */
  #beginAnew({ run, workflow, expected, bytes }: NewFrame): boolean {
    const row = this.#find(run);
    if (row === undefined || !row.erased || this.#headOf(row) !== expected) return false;
    this.#revive.run(workflow, row.id);
    this.#first.run(this.#free, row.id, bytes);
    return true;
  }

  /** Why nothing was stored: the run is erased, or this very frame is there already, or another. */
  #explain({ run, expected, bytes }: NewFrame): AppendOutcome {
    const row = this.#find(run);
    if (row === undefined) return { ok: false, head: 0 };
    if (row.erased) throw erasedError(run);
    const after = this.#after.get(row.id, this.#base + expected) as
      | { readonly position: number; readonly bytes: Uint8Array }
      | undefined;
    if (after && Buffer.compare(after.bytes, bytes) === 0)
      return { ok: true, position: after.position - this.#base };
    return { ok: false, head: this.#headOf(row) };
  }

  #headOf(row: RunRow): Position {
    const { head } = this.#head.get(row.id) as { head: number };
    return head - this.#base;
  }

  #find(run: string): RunRow | undefined {
    return this.#run.get(this.#backend.namespace, run) as unknown as RunRow | undefined;
  }

  #nextFree(): Position {
    const { transaction } = this.#backend.commits;
    if (this.#freeIn !== transaction) {
      const { namespace } = this.#backend;
      const row = this.#last.get(this.#base, positionLimit(namespace));
      this.#free = Math.max((row as { last: number }).last, this.#base) + 1;
      this.#freeIn = transaction;
    }
    return this.#free;
  }
}

const erasedError = (run: string): MillraceError =>
  new MillraceError(
    "E_RUN_ERASED",
    `run ${run} was erased and takes no more events; use another run id, or begin it anew through a store's createRun`,
    { details: { run } },
  );
