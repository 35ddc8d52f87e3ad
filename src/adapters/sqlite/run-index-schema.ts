/** The tables of a run index. It is disposable: another version begins anew. */
import type { DatabaseSync } from "node:sqlite";

/** Raise it whenever the tables, or what they hold of a run, change. */
export const INDEX_VERSION = 5;

/** By which of them a page is looked up; each ends with what orders it. */
const INDEXES: Readonly<Record<string, string>> = {
  by_created: "created, run",
  by_updated: "updated, run",
  by_status: "status, created, run",
  by_status_updated: "status, updated, run",
  by_workflow: "workflow, created, run",
  by_workflow_updated: "workflow, updated, run",
  by_workflow_status: "workflow, status, created, run",
  by_parent: "parent, created, run",
  by_correlation: "correlation, created, run",
  by_failed: "failed, created, run",
  by_waiting: "waiting, created, run",
};

/** Columns that are often empty are indexed only where they are not. */
const SPARSE: Readonly<Record<string, string>> = {
  by_parent: "parent",
  by_correlation: "correlation",
  by_failed: "failed",
  by_waiting: "waiting",
};

/** Makes the tables, after dropping those of another version. */
export function ensureIndexTables(db: DatabaseSync): void {
  const found = Object.values(db.prepare("PRAGMA user_version").get() ?? {})[0];
  if (found === INDEX_VERSION) return;
  db.exec("BEGIN IMMEDIATE");
  for (const table of ["runs", "labels", "counts", "place"])
    db.exec(`DROP TABLE IF EXISTS ${table}`);
  db.exec(`CREATE TABLE runs (
    run TEXT NOT NULL PRIMARY KEY,
    workflow TEXT NOT NULL,
    status TEXT NOT NULL,
    created REAL NOT NULL,
    updated REAL NOT NULL,
    parent TEXT,
    correlation TEXT,
    failed TEXT,
    waiting TEXT,
    summary TEXT NOT NULL
  )`);
  for (const [name, columns] of Object.entries(INDEXES)) {
    const sparse = SPARSE[name];
    const where = sparse === undefined ? "" : ` WHERE ${sparse} IS NOT NULL`;
    db.exec(`CREATE INDEX ${name} ON runs (${columns})${where}`);
  }
  db.exec(`CREATE TABLE labels (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    created REAL NOT NULL,
    run TEXT NOT NULL,
    PRIMARY KEY (name, value, created, run)
  ) WITHOUT ROWID`);
  db.exec(`CREATE TABLE counts (
    workflow TEXT NOT NULL,
    status TEXT NOT NULL,
    runs INTEGER NOT NULL,
    PRIMARY KEY (workflow, status)
  ) WITHOUT ROWID`);
  db.exec("CREATE TABLE place (position TEXT NOT NULL, anchor TEXT NOT NULL)");
  db.exec("INSERT INTO place VALUES ('0', '')");
  db.exec(`PRAGMA user_version = ${INDEX_VERSION}`);
  db.exec("COMMIT");
}
