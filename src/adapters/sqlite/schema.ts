/**
 * The tables of the embedded store and how their version is kept. Positions of a namespace lie in
 * one block of row ids (`positionBase`), so that "all frames of this namespace" is a range of the
 * table and needs no index of its own.
 */
import type { DatabaseSync } from "node:sqlite";
import { MillraceError } from "../../kernel/errors.ts";

/** Written into the file header; "mill" in ASCII. */
const APPLICATION_ID = 0x6d696c6c;

/** Version of the tables below; raised by every change that an older program cannot work with. */
export const schemaVersion = 1;

const POSITIONS_PER_NAMESPACE = 2 ** 40;

/** More would take row ids past 2^53, where numbers of JavaScript lose their last digit. */
export const namespacesMax = 2 ** 13 - 1;

/** Row id of a namespace's frame = this + its position. */
export const positionBase = (namespace: number): number => namespace * POSITIONS_PER_NAMESPACE;

/** The last row id that belongs to the namespace. */
export const positionLimit = (namespace: number): number =>
  positionBase(namespace) + POSITIONS_PER_NAMESPACE - 1;

/*
 * frames.run points to runs.id: run ids of 20 letters are stored once, and the index of frames
 * stays dense, because runs that are written at the same time have neighbouring numbers.
 * A frame without bytes is the tombstone of an erased run.
 * tickets.due: 0 = claimable, first come first served; else the time in ms from which the ticket is
 * claimable, which for a claimed one is the end of its lease.
 * blobs.holder is who is still putting it; null: all pieces are there.
 */
const TABLES = `
  CREATE TABLE namespaces (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE runs (
    id INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, run TEXT NOT NULL,
    workflow TEXT NOT NULL, erased INTEGER NOT NULL DEFAULT 0,
    UNIQUE (namespace, run)
  ) STRICT;
  CREATE TABLE frames (
    position INTEGER PRIMARY KEY, run INTEGER NOT NULL, bytes BLOB NOT NULL
  ) STRICT;
  CREATE INDEX frames_of_run ON frames (run);
  CREATE TABLE inputs (
    position INTEGER PRIMARY KEY AUTOINCREMENT, namespace INTEGER NOT NULL, run TEXT NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;
  CREATE INDEX inputs_of_run ON inputs (namespace, run);
  CREATE TABLE tickets (
    id INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, run TEXT NOT NULL, workflow TEXT NOT NULL,
    due INTEGER NOT NULL, token TEXT, holder INTEGER,
    UNIQUE (namespace, run)
  ) STRICT;
  CREATE INDEX tickets_due ON tickets (namespace, workflow, due);
  CREATE INDEX tickets_held ON tickets (holder) WHERE holder IS NOT NULL;
  CREATE TABLE holders (
    id INTEGER PRIMARY KEY AUTOINCREMENT, namespace INTEGER NOT NULL, node TEXT NOT NULL,
    pid INTEGER NOT NULL, started TEXT NOT NULL, scope TEXT NOT NULL
  ) STRICT;
  CREATE TABLE nodes (
    namespace INTEGER NOT NULL, node TEXT NOT NULL, holder INTEGER NOT NULL, seen INTEGER NOT NULL,
    info TEXT NOT NULL,
    PRIMARY KEY (namespace, node)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE blobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, namespace INTEGER NOT NULL, digest TEXT NOT NULL,
    size INTEGER NOT NULL, holder INTEGER,
    UNIQUE (namespace, digest)
  ) STRICT;
  CREATE INDEX blobs_unfinished ON blobs (holder) WHERE holder IS NOT NULL;
  CREATE TABLE blob_pieces (
    id INTEGER PRIMARY KEY, blob INTEGER NOT NULL, nth INTEGER NOT NULL, bytes BLOB NOT NULL,
    UNIQUE (blob, nth)
  ) STRICT;
  CREATE TABLE views (
    id INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, key TEXT NOT NULL,
    position INTEGER NOT NULL, bytes BLOB NOT NULL,
    UNIQUE (namespace, key)
  ) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${schemaVersion};
`;

/**
 * Checks that the file has the tables in this version.
 * @returns false for an empty file
 * @throws MillraceError `E_STORE_DRIFT` for tables of another program or of a newer millrace
 */
function hasTables(db: DatabaseSync, path: string): boolean {
  const application = pragma(db, "application_id");
  const version = pragma(db, "user_version");
  if (application === APPLICATION_ID && version === schemaVersion) return true;
  if (application === APPLICATION_ID) {
    throw new MillraceError(
      "E_STORE_DRIFT",
      `the store ${path} has schema version ${version}, this millrace knows ${schemaVersion}: ` +
        "open it with the version of millrace that wrote it, or a newer one",
      { details: { found: version, known: schemaVersion } },
    );
  }
  const { tables } = db.prepare("SELECT count(*) AS tables FROM sqlite_schema").get() as {
    tables: number;
  };
  if (application !== 0 || version !== 0 || tables > 0) {
    throw new MillraceError(
      "E_STORE_DRIFT",
      `${path} is a database of another program; give millrace a file of its own`,
    );
  }
  return false;
}

/**
 * Creates the tables in an empty file, or checks those that are there. Of several processes that
 * open a new file one creates them. After an error the connection is of no use: a transaction may
 * be open.
 * @throws MillraceError `E_STORE_DRIFT` for tables of another program or of a newer millrace
 */
export function ensureTables(db: DatabaseSync, path: string): void {
  if (hasTables(db, path)) return;
  db.exec("BEGIN IMMEDIATE");
  if (!hasTables(db, path)) db.exec(TABLES);
  db.exec("COMMIT");
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}
