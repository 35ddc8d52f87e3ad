import type { RunStatus, RunSummary } from "../projections/run-summary.ts";
import type { Cursor } from "./cursor.ts";

/** In which order runs are given; the newest first. */
export type RunOrder = "created" | "updated";

/** Which runs; what is absent does not matter. */
export interface RunFilter {
  readonly workflow?: string;
  /** Any of these, as people see them (`paused` instead of running or parked). */
  readonly statuses?: readonly RunStatus[];
  /** All of these. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Runs that were started with this correlation key. */
  readonly correlation?: string;
  /** Children of this run. */
  readonly parent?: string;
  /** Runs in which this step was the first to fail, or is held. */
  readonly failedStep?: string;
  /** Runs that wait for this reason, as far as it goes before a colon: "waits for a signal", "paused", "held". */
  readonly waiting?: string;
  /** Created at or after, and before (ms since the epoch). */
  readonly createdFrom?: number;
  readonly createdUntil?: number;
}

/** Behind which run a page begins: its key in the order (ms since the epoch), and its id. */
export interface RunPlace {
  readonly at: number;
  readonly run: string;
}

/** What is known of the log by an index: up to where, and how the frames there are recognised. */
export interface IndexedUpTo {
  readonly position: Cursor;
  /** Digest of the frame at that position, of each partition, joined by dots; "": the index is empty. */
  readonly anchor: string;
}

/** Changes to an index, all or nothing. */
export interface IndexChanges {
  readonly changed: readonly RunSummary[];
  readonly removed: readonly string[];
  /** The index moves on only from here: another process may have been quicker. */
  readonly from: Cursor;
  readonly to: IndexedUpTo;
}

/**
 * Runs, to be searched: a disposable copy of what the log says, for any number of runs. The cost of a
 * page does not grow with their number as long as what is asked for is not rare among what is looked at:
 * one of label, parent, failed step, workflow and status leads, the others are compared.
 */
export interface RunIndex {
  upTo(): IndexedUpTo;
  get(run: string): RunSummary | undefined;
  /** False: nothing was changed, the index does not stand at `from` any more. */
  apply(changes: IndexChanges): boolean;
  /** Begins anew. */
  clear(): void;
  page(
    filter: RunFilter,
    order: RunOrder,
    after: RunPlace | undefined,
    limit: number,
  ): RunSummary[];
  /** How many runs of a workflow (or of all) have which status. */
  counts(workflow?: string): ReadonlyMap<RunStatus, number>;
  close(): void;
}
