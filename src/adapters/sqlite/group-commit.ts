/**
 * All writes of one turn of the event loop are one transaction: one wait for the disk, however many
 * writers there are. Each write is still resolved or refused on its own.
 */
import type { StatementSync } from "node:sqlite";
import { type Deferred, deferred } from "../../kernel/async.ts";
import { isMillraceError, MillraceError } from "../../kernel/errors.ts";
import type { World } from "../../ports/store.ts";
import type { Database } from "./database.ts";
import { faultError, faultOf } from "./faults.ts";

/** One write that waits for the next transaction. */
export interface Write<T> {
  /**
   * Does the write, inside the transaction. Called again if the transaction had to be rolled back.
   * May throw a `MillraceError` to refuse, but only before it has changed anything.
   */
  readonly run: () => T;
  /** True: on the disk before it resolves. False: a hint, safe from a crash of the process only. */
  readonly durable: boolean;
  /** Called once the write is committed, before its promise resolves. Must not throw. */
  readonly committed?: (value: T) => void;
  /** Gives the write up while the store is unavailable. */
  readonly signal?: AbortSignal | undefined;
  /** For how long to try again while the store is unavailable; default `PATIENCE_MS`. */
  readonly patienceMs?: number;
}

/** How long a write without a signal waits for a locked or full store before it is refused. */
const PATIENCE_MS = 10_000;
/** The same, counted from `close`, for writes that are still waiting then. */
const CLOSING_PATIENCE_MS = 2_000;

/**
 * Another process holds the lock for the length of a commit: it is asked for in every turn for so
 * long, then after a pause. Measured with four processes writing at once, this serves all alike;
 * with SQLite's own waiting, whose pauses grow quickly, whoever waits longest is served last.
 */
const ASK_EACH_TURN_MS = 1;

/** Pauses between tries in ms: the first, the longest, the growth; times 0.5 to 1.5 at random. */
const PAUSES = { busy: [1, 16, 1.1], disk: [50, 500, 2] } as const;

interface Entry {
  readonly write: Write<unknown>;
  readonly settled: Deferred<unknown>;
  /** On the monotonic clock: when its patience ends. */
  until: number;
}

/** An entry that is part of the open transaction. */
interface Done {
  readonly entry: Entry;
  readonly outcome: { readonly value: unknown } | { readonly refusal: MillraceError };
}

/** Puts all writes of one turn of the event loop into one transaction. */
export class GroupCommit {
  readonly #db: Database;
  readonly #world: World;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  #pending: Entry[] = [];
  #scheduled = false;
  /** Pauses since the last success. */
  #pauses = 0;
  /** While the lock is asked for in every turn: until when. */
  #askUntil: number | undefined;
  #full = true;
  #transaction = 0;
  #closing: Deferred<void> | undefined;

  constructor(db: Database, world: World) {
    this.#db = db;
    this.#world = world;
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#commit = db.prepare("COMMIT");
  }

  /** Number of the transaction that is open or was the last; a retried one gets a new number. */
  get transaction(): number {
    return this.#transaction;
  }

  /**
   * Adds a write to the next transaction.
   * @throws what its `run` refused with; `E_STORE_CLOSED` after `close`; `E_STORE_UNAVAILABLE` when
   *   patience ended or the signal aborted first; `E_STORE_MISSING` when the file was removed;
   *   `E_LOG_CORRUPT` when it is damaged
   */
  submit<T>(write: Write<T>): Promise<T> {
    if (this.#closing) return Promise.reject(closedError(this.#db.path));
    const settled = deferred<unknown>();
    const until = this.#world.clock.mono() + (write.patienceMs ?? PATIENCE_MS);
    this.#pending.push({ write: write as Write<unknown>, settled, until });
    this.#schedule();
    return settled.promise as Promise<T>;
  }

  /** Refuses new writes; resolves once those submitted before are settled. */
  close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = deferred();
      const until = this.#world.clock.mono() + CLOSING_PATIENCE_MS;
      for (const entry of this.#pending) entry.until = Math.min(entry.until, until);
      if (this.#pending.length === 0) this.#closing.resolve();
    }
    return this.#closing.promise;
  }

  #schedule(pauseMs?: number): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const flush = (): void => this.#flush();
    if (pauseMs === undefined) void this.#world.clock.turn().then(flush);
    else this.#world.clock.after(pauseMs, flush);
  }

  #flush(): void {
    this.#scheduled = false;
    const batch = this.#dropGivenUp(this.#pending);
    this.#pending = [];
    if (batch.length > 0) this.#store(batch);
    if (this.#pending.length === 0) this.#closing?.resolve();
  }

  #dropGivenUp(entries: Entry[]): Entry[] {
    if (!entries.some((entry) => entry.write.signal?.aborted)) return entries;
    const [given, kept] = [[] as Entry[], [] as Entry[]];
    for (const entry of entries) (entry.write.signal?.aborted ? given : kept).push(entry);
    for (const entry of given) entry.settled.reject(abortedError(this.#db.path));
    return kept;
  }

  #store(batch: readonly Entry[]): void {
    const done: Done[] = [];
    let begun = false;
    try {
      this.#sync(batch.some((entry) => entry.write.durable));
      this.#begin.run();
      begun = true;
      this.#transaction += 1;
      for (const entry of batch) done.push({ entry, outcome: attempt(entry.write) });
      this.#commit.run();
    } catch (error) {
      if (begun) this.#db.rollback();
      this.#recover(batch, error, begun ? batch[done.length] : undefined);
      return;
    }
    this.#pauses = 0;
    this.#askUntil = undefined;
    this.#settle(done);
  }

  /** Hints need no sync of their own: the next durable commit syncs the same file. */
  #sync(full: boolean): void {
    if (full === this.#full) return;
    this.#db.exec(full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    this.#full = full;
  }

  #settle(done: readonly Done[]): void {
    const gone = this.#db.isGone() ? goneError(this.#db.path) : undefined;
    for (const { entry, outcome } of done) {
      const { write, settled } = entry;
      if (gone) settled.reject(gone);
      else if ("refusal" in outcome) settled.reject(outcome.refusal);
      else {
        write.committed?.(outcome.value);
        settled.resolve(outcome.value);
      }
    }
  }

  /** Nothing of the batch was stored. Decides who tries again, and when. */
  #recover(batch: readonly Entry[], error: unknown, culprit: Entry | undefined): void {
    const fault = faultOf(error);
    if (fault === undefined) {
      // Not the store's fault: the write that failed is refused, and does not take others with it.
      const hopeless = culprit ? [culprit] : batch;
      for (const entry of hopeless) entry.settled.reject(error);
      this.#again(batch.filter((entry) => !hopeless.includes(entry)));
      return;
    }
    const refusal = faultError(fault, this.#db.path, error);
    const now = this.#world.clock.mono();
    const patient = (entry: Entry): boolean => fault !== "damaged" && now < entry.until;
    for (const entry of batch) if (!patient(entry)) entry.settled.reject(refusal);
    const pauseMs = fault === "damaged" ? undefined : this.#pauseAfter(fault, now);
    this.#again(batch.filter(patient), pauseMs);
  }

  #again(batch: readonly Entry[], pauseMs?: number): void {
    this.#pending = [...batch, ...this.#pending];
    if (this.#pending.length > 0) this.#schedule(pauseMs);
  }

  /** How long to wait before the next try; undefined: until the next turn. */
  #pauseAfter(fault: keyof typeof PAUSES, now: number): number | undefined {
    if (fault === "busy") {
      this.#askUntil ??= now + ASK_EACH_TURN_MS;
      if (now < this.#askUntil) return undefined;
      this.#askUntil = undefined;
    }
    const [first, longest, growth] = PAUSES[fault];
    const pause = Math.min(longest, first * growth ** this.#pauses);
    this.#pauses += 1;
    return pause * (0.5 + this.#world.random.next());
  }
}

function attempt(write: Write<unknown>): Done["outcome"] {
  try {
    return { value: write.run() };
  } catch (error) {
    if (isMillraceError(error)) return { refusal: error };
    throw error;
  }
}

/** What every port of a closed store answers. */
export const closedError = (path: string): MillraceError =>
  new MillraceError("E_STORE_CLOSED", `the store ${path} was closed; open it again to use it`);

const abortedError = (path: string): MillraceError =>
  new MillraceError(
    "E_STORE_UNAVAILABLE",
    `the write to ${path} was given up by its caller before it was stored`,
  );

const goneError = (path: string): MillraceError =>
  new MillraceError(
    "E_STORE_MISSING",
    `the file ${path} was moved or deleted while it was open; put it back and start this again`,
  );
