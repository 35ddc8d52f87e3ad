/** Where a run comes from, when nobody started it for its own sake: a parent, the run before it, a fork, a schedule. */

/** Whose child a run is. */
export interface Parent {
  readonly run: string;
  readonly workflow: string;
  /** The parent's step that it is. */
  readonly step: string;
  /** Whose inbox is the parent's, if it is not its own: the first run of its chain. */
  readonly inbox?: string;
}

/** The place of a run that goes on where another ended (`run.continued`). */
export interface Chain {
  /** The run that began it all; inputs for any run of the chain are in the inbox of this one. */
  readonly first: string;
  readonly previous: string;
  /** 2 for the second run, and so on. */
  readonly index: number;
  /** Ids of signals that runs before this one have taken lately, so that none is taken twice. */
  readonly taken: readonly string[];
}

/** The tick of a schedule that a run was started for. */
export interface Tick {
  readonly schedule: string;
  /** The time at which the schedule was due (ms since the epoch); of a run that somebody wanted now: then. */
  readonly at: number;
  /** What it was asked for with, beside the schedule's own ticks. */
  readonly order?: string;
}

/** Where a run branched off another. */
export interface ForkPoint {
  readonly run: string;
  readonly seq: number;
  readonly reset?: readonly string[];
}
