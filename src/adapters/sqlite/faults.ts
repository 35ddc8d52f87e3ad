/**
 * What SQLite's error numbers mean here. This is the only file that looks at them.
 * Numbers: https://sqlite.org/rescode.html (the low byte is the primary code).
 */
import { MillraceError } from "../../kernel/errors.ts";

/**
 * - `busy`: another process holds the lock; trying again helps, soon.
 * - `disk`: the disk is full, read-only or failing; trying again helps once somebody repaired it.
 * - `damaged`: the file is not, or no longer, a database; trying again cannot help.
 */
export type Fault = "busy" | "disk" | "damaged";

const FAULTS: ReadonlyMap<number, Fault> = new Map([
  [3, "disk"], // SQLITE_PERM
  [5, "busy"], // SQLITE_BUSY
  [6, "busy"], // SQLITE_LOCKED
  [7, "disk"], // SQLITE_NOMEM
  [8, "disk"], // SQLITE_READONLY
  [10, "disk"], // SQLITE_IOERR
  [11, "damaged"], // SQLITE_CORRUPT
  [13, "disk"], // SQLITE_FULL
  [14, "disk"], // SQLITE_CANTOPEN
  [15, "busy"], // SQLITE_PROTOCOL: a race between processes opening the file
  [26, "damaged"], // SQLITE_NOTADB
]);

/**
 * Which fault of the store `error` reports; undefined when it is no error of SQLite, or a mistake in
 * our use of it.
 */
export function faultOf(error: unknown): Fault | undefined {
  const number = numberOf(error);
  return number === undefined ? undefined : FAULTS.get(number & 0xff);
}

/** True when SQLite says that there was no transaction to end: it had rolled back by itself. */
export const isWithoutTransaction = (error: unknown): boolean =>
  numberOf(error) === 1 && /no transaction is active/.test((error as Error).message);

function numberOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}

const ADVICE: Readonly<Record<Fault, string>> = {
  busy: "another process keeps it locked; end what is stopped in a debugger or a database shell",
  disk: "free space, or make the file and its folder writable; nothing stored was lost",
  damaged: "restore it from a copy; nothing was written",
};

/** What callers get for a fault: `E_STORE_UNAVAILABLE`, or `E_LOG_CORRUPT` for a damaged file. */
export function faultError(fault: Fault, path: string, cause: unknown): MillraceError {
  const said = cause instanceof Error ? cause.message : String(cause);
  return new MillraceError(
    fault === "damaged" ? "E_LOG_CORRUPT" : "E_STORE_UNAVAILABLE",
    `the store ${path} answered "${said}": ${ADVICE[fault]}`,
    { cause, details: { fault } },
  );
}
