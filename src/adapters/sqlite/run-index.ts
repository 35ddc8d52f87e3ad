/** The run index as tables of SQLite: in a file of its own, which may be thrown away, or in memory. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { isSame, parseCursor, printCursor } from "../../ports/cursor.ts";
import type {
  IndexChanges,
  IndexedUpTo,
  RunFilter,
  RunIndex,
  RunOrder,
  RunPlace,
} from "../../ports/run-index.ts";
import { type RunStatus, type RunSummary, shownStatus } from "../../projections/run-summary.ts";
import { isWithoutTransaction } from "./faults.ts";
import { pageQuery } from "./run-index-query.ts";
import { ensureIndexTables } from "./run-index-schema.ts";

/** How long a process waits for another that writes to the same index. */
const BUSY_MS = 10_000;

export class SqliteRunIndex implements RunIndex {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** @param path of the file, or ":memory:" */
  constructor(path: string) {
    if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#db = new DatabaseSync(path);
    this.#db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    this.#db.exec("PRAGMA journal_mode = WAL");
    // What is lost with the machine is folded from the log again.
    this.#db.exec("PRAGMA synchronous = OFF");
    // Labels and failures of a run that was erased must not be readable in the file.
    this.#db.exec("PRAGMA secure_delete = ON");
    ensureIndexTables(this.#db);
  }

  upTo(): IndexedUpTo {
    const row = this.#sql("SELECT position, anchor FROM place").get();
    const position = parseCursor(String(row?.["position"] ?? "")) ?? 0;
    return { position, anchor: String(row?.["anchor"] ?? "") };
  }

  get(run: string): RunSummary | undefined {
    const row = this.#sql("SELECT summary FROM runs WHERE run = ?").get(run);
    return row === undefined ? undefined : summaryOf(row);
  }

  apply({ changed, removed, from, to }: IndexChanges): boolean {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const stands = isSame(this.upTo().position, from);
      if (stands) {
        for (const run of removed) this.#remove(run);
        for (const summary of changed) this.#put(summary);
        this.#sql("UPDATE place SET position = ?, anchor = ?").run(
          printCursor(to.position),
          to.anchor,
        );
      }
      this.#db.exec("COMMIT");
      if (removed.length > 0) this.#db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      return stands;
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  page(
    filter: RunFilter,
    order: RunOrder,
    after: RunPlace | undefined,
    limit: number,
  ): RunSummary[] {
    const { statuses } = filter;
    // One ordered look-up per status; together they are put in order again.
    const parts = [...new Set(statuses ?? [undefined])].map((status) => {
      const { sql, values } = pageQuery({ ...filter, status }, order, after, limit);
      return this.#sql(sql).all(...values);
    });
    const found = parts.flat().map(summaryOf);
    if (parts.length > 1) found.sort(byPlace(order));
    return found.slice(0, limit).map((one) => ({ ...one, status: shownStatus(one) }));
  }

  counts(workflow?: string): ReadonlyMap<RunStatus, number> {
    const where = workflow === undefined ? "" : " WHERE workflow = ?";
    const rows = this.#sql(`SELECT status, SUM(runs) AS runs FROM counts${where} GROUP BY status`);
    const values = workflow === undefined ? [] : [workflow];
    const counted = new Map<RunStatus, number>();
    for (const { status, runs } of rows.all(...values)) {
      if (Number(runs) > 0) counted.set(status as RunStatus, Number(runs));
    }
    return counted;
  }

  clear(): void {
    this.#db.exec("BEGIN IMMEDIATE");
    for (const table of ["runs", "labels", "counts"]) this.#db.exec(`DELETE FROM ${table}`);
    this.#db.exec("UPDATE place SET position = '0', anchor = ''");
    this.#db.exec("COMMIT");
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  #put(summary: RunSummary): void {
    const { run, workflow, createdAt: created, updatedAt: updated } = summary;
    const status = shownStatus(summary);
    const text = JSON.stringify(summary);
    const changing = [failedStepOf(summary), waitingOf(summary), text] as const;
    const known = this.get(run);
    if (known !== undefined && known.createdAt === created && known.workflow === workflow) {
      this.#sql(
        "UPDATE runs SET status = ?, updated = ?, failed = ?, waiting = ?, summary = ? WHERE run = ?",
      ).run(status, updated, ...changing, run);
      this.#count(workflow, shownStatus(known), -1);
      this.#count(workflow, status, 1);
      return;
    }
    // An id that was erased may have begun anew, as something else.
    this.#remove(run);
    this.#sql("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").run(
      ...[run, workflow, status, created, updated, summary.parent?.run ?? null],
      summary.correlation,
      ...changing,
    );
    this.#count(workflow, status, 1);
    for (const [name, value] of Object.entries(summary.labels)) {
      this.#sql("INSERT OR IGNORE INTO labels VALUES (?, ?, ?, ?)").run(name, value, created, run);
    }
  }

  #remove(run: string): void {
    const known = this.get(run);
    if (known === undefined) return;
    this.#sql("DELETE FROM runs WHERE run = ?").run(run);
    this.#count(known.workflow, shownStatus(known), -1);
    for (const [name, value] of Object.entries(known.labels)) {
      const labelled = this.#sql(
        "DELETE FROM labels WHERE name = ? AND value = ? AND created = ? AND run = ?",
      );
      labelled.run(name, value, known.createdAt, run);
    }
  }

  #count(workflow: string, status: string, by: number): void {
    this.#sql(
      "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET runs = runs + excluded.runs",
    ).run(workflow, status, by);
  }

  #sql(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #rollback(): void {
    try {
      this.#db.exec("ROLLBACK");
    } catch (error) {
      if (!isWithoutTransaction(error)) throw error;
    }
  }
}

const summaryOf = (row: Readonly<Record<string, unknown>>): RunSummary =>
  JSON.parse(String(row["summary"])) as RunSummary;

const byPlace =
  (order: RunOrder) =>
  (one: RunSummary, other: RunSummary): number => {
    const key = order === "created" ? "createdAt" : "updatedAt";
    return other[key] - one[key] || (one.run < other.run ? 1 : -1);
  };

const failedStepOf = ({ failedStep, held }: RunSummary): string | null =>
  held[0]?.step ?? failedStep;

/** Why it waits, without what is particular to it. */
function waitingOf(summary: RunSummary): string | null {
  const { held, parkedReason, endedAt, paused, partial } = summary;
  if (endedAt !== null) return null;
  if (partial) return "import";
  if (held.length > 0) return "held";
  return paused ? "paused" : (parkedReason?.split(":", 1)[0] ?? null);
}
