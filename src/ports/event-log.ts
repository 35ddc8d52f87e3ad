/** The event log: what goes into it, what comes out of it, and what it promises. */
import type { Cursor, Position } from "./cursor.ts";

export type { Position } from "./cursor.ts";

/** What is handed to `append`. */
export interface NewFrame {
  readonly workflow: string;
  readonly run: string;
  /** `head(run)` as the writer knows it: of the run's last frame or tombstone; 0: it has none. */
  readonly expected: Position;
  /** The frame: opaque, not empty, with something unique in it (a commit id): see `append`. */
  readonly bytes: Uint8Array;
}

/** What the log gives back. `bytes` belongs to the reader. */
export interface StoredFrame {
  readonly workflow: string;
  readonly run: string;
  readonly position: Position;
  readonly bytes: Uint8Array;
}

/** What became of an append: see `EventLog`. */
export type AppendOutcome =
  | { readonly ok: true; readonly position: Position }
  /** Refused, nothing was written. `head` is the position of the run's last frame at that moment. */
  | { readonly ok: false; readonly head: Position };

/** Which frames: of one run, of one workflow, or all (neither given). */
export interface LogScope {
  readonly run?: string;
  readonly workflow?: string;
  /**
   * Also gives tombstones, as frames of workflow "" without bytes: a reader can forget what it knew of the
   * run, and need not wait for more of it. Only of one run, or of the whole log. Default: not.
   */
  readonly tombstones?: true;
}

/** Which frames to read. Places in one run are positions. */
export interface ReadRange extends LogScope {
  /** Only frames past this place; default 0: from the first. */
  readonly after?: Cursor;
  /** Only frames up to and including this place; default: the head when the read begins. */
  readonly upTo?: Cursor;
  /** At most so many frames; default: no bound. 0 gives none. */
  readonly limit?: number;
}

/**
 * The durable, ordered record of frames: the only truth of the system.
 *
 *   position   1   2   3   4   5   6      one order over each partition: here there is one
 *   run a      ●       ●           ●      expected for its next append: 6
 *   run b          ●       ●   ●
 *
 * A run lies in one partition, which its id decides. The frames of several partitions come in any order,
 * but those of each in theirs: so a place among many runs is a `Cursor`, and a bare position is one only
 * where there is one partition (0 is the beginning anywhere; any other rejects with E_OPTION_INVALID).
 *
 * - An append MUST be durable before it resolves, and whole.
 * - Of any number of appends with the same run and `expected`, at most one MUST succeed. A run id is
 *   unique over all workflows of the log.
 * - A conflict is an outcome; only a fault of the store rejects.
 * - An ambiguous answer (time-out, lost connection, a conflict met while resending) MUST be resolved
 *   inside the adapter, by looking whether the run's first frame after `expected` has these very
 *   bytes. While the store cannot be reached, `append` keeps trying; it rejects with
 *   E_STORE_UNAVAILABLE only when `signal` aborts, and with E_STORE_MISSING when the log itself is gone.
 * - `erase` MUST leave no byte of the run's frames readable, and a tombstone past all positions given
 *   before in its partition. A read of the run then gives nothing, its head is the tombstone, and an append rejects with
 *   E_RUN_ERASED: except one that expects exactly the tombstone, which begins the run anew. From then on
 *   appends that expect anything older are ordinary conflicts, and the old frames never come back.
 * - After `close`, every call rejects with E_STORE_CLOSED and open subscriptions end.
 */
export interface EventLog {
  /** How many partitions it has, for ever: from 1. */
  readonly partitions: number;
  append(frame: NewFrame, signal?: AbortSignal): Promise<AppendOutcome>;
  /** Stored frames, those of each partition in order of position; finite. */
  read(range: ReadRange): AsyncIterable<StoredFrame>;
  /**
   * Stored frames past `after`, then new ones as they come, in order, none lost, none twice, across
   * reconnects; ends when `signal` aborts. A slow reader is served at its own pace, with bounded memory.
   */
  subscribe(scope: LogScope, after: Cursor, signal: AbortSignal): AsyncIterable<StoredFrame>;
  /** Position of the run's last frame or tombstone; 0 when there is none. */
  head(run: string): Promise<Position>;
  /** Where the whole log ends: everything that was appended before the call lies at or before it. */
  head(run?: string): Promise<Cursor>;
  /**
   * Removes the run and leaves a tombstone in place of an earlier one. True if there were frames to
   * remove; if not, nothing changes.
   */
  erase(run: string): Promise<boolean>;
  close(): Promise<void>;
}
