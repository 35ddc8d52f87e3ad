/**
 * One connection to the file: how it is created, opened, checked and closed. Everything above talks
 * SQL through it; nothing above knows where the file lies.
 */
import { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { MillraceError } from "../../kernel/errors.ts";
import { faultError, faultOf, isWithoutTransaction } from "./faults.ts";
import { ensureTables } from "./schema.ts";

/** Means: no file, the data lives and ends with the store. */
const IN_MEMORY = ":memory:";

/** How long opening waits for a process that creates the file or recovers it after a crash. */
const OPENING_WAIT_MS = 10_000;

/**
 * Pages of 4 KiB that the write-ahead log may grow to before a commit moves them into the file.
 * Fewer and larger moves: the same pages are written many times, but moved once.
 */
const CHECKPOINT_PAGES = 4_000;
/** A log blown up by one large transaction shrinks to this again. */
const WAL_BYTES_KEPT = 64 * 1024 * 1024;
const CACHE_KIB = 16 * 1024;

export class Database {
  /** Absolute, or ":memory:". */
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #inode: string | undefined;

  /**
   * Opens the file, or creates it: readable by its owner only (0600), as is its folder (0700).
   * @throws MillraceError `E_STORE_DRIFT` for a file of another program or a newer schema,
   *   `E_LOG_CORRUPT` for one that is no database, `E_STORE_UNAVAILABLE` when it cannot be opened
   */
  constructor(path: string) {
    this.path = path === IN_MEMORY ? path : resolve(path);
    if (path !== IN_MEMORY) createFile(this.path);
    this.#db = opening(this.path, () => new DatabaseSync(this.path));
    try {
      opening(this.path, () => configure(this.#db, this.path));
      this.#inode = inodeOf(this.path);
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /** True when the data ends with the store. */
  get inMemory(): boolean {
    return this.path === IN_MEMORY;
  }

  prepare(sql: string): StatementSync {
    return this.#db.prepare(sql);
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** The one value that a query or pragma gives. */
  value(sql: string): unknown {
    return Object.values(this.#db.prepare(sql).get() ?? {})[0];
  }

  /** Undoes the open transaction, if SQLite has not done so by itself already. */
  rollback(): void {
    try {
      this.#db.exec("ROLLBACK");
    } catch (error) {
      if (!isWithoutTransaction(error)) throw error;
    }
  }

  /**
   * Moves the write-ahead log into the file and cuts it to nothing.
   * @returns false when another process was in the way
   */
  emptyWal(): boolean {
    const answer = this.#db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
    return answer?.["busy"] === 0;
  }

  /** True when the path leads to another file or none: what is written now, nobody will find. */
  isGone(): boolean {
    return this.#inode !== inodeOf(this.path);
  }

  close(): void {
    this.#db.close();
  }
}

/**
 * Only a file that is not there yet may be opened by us: closing any handle of a file drops the
 * locks that SQLite holds on it anywhere in this process. See https://sqlite.org/howtocorrupt.html,
 * section 2.2.
 */
function createFile(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "ax", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw new MillraceError(
      "E_STORE_UNAVAILABLE",
      `the store ${path} cannot be created (${String(error)}); use a folder you may write to`,
      { cause: error },
    );
  }
}

function configure(db: DatabaseSync, path: string): void {
  db.exec(`PRAGMA busy_timeout = ${OPENING_WAIT_MS}`);
  db.exec("PRAGMA journal_mode = WAL");
  db.exec("PRAGMA synchronous = FULL");
  // macOS: without it a sync stops at the disk's own cache.
  db.exec("PRAGMA fullfsync = ON");
  // What is deleted is overwritten with zeros: an erased run must not be readable in the file.
  db.exec("PRAGMA secure_delete = ON");
  db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  db.exec(`PRAGMA journal_size_limit = ${WAL_BYTES_KEPT}`);
  db.exec(`PRAGMA cache_size = -${CACHE_KIB}`);
  ensureTables(db, path);
  // From here on, whoever meets a lock waits without holding up the event loop.
  db.exec("PRAGMA busy_timeout = 0");
}

function opening<T>(path: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    const fault = faultOf(error);
    throw fault === undefined ? error : faultError(fault, path, error);
  }
}

function inodeOf(path: string): string | undefined {
  if (path === IN_MEMORY) return undefined;
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat ? `${stat.dev}/${stat.ino}` : "gone";
}
