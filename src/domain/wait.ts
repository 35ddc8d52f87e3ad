/** One reason why a run is not finished, and one signal that nobody waits for: what `explain` lists. */

import type { NodeRefusal } from "../cluster/refusals.ts";

/** Everything that a run can wait for, by kind. */
export const waitKinds = [
  /** No process has claimed it, or none that is up has its code. */
  "host",
  /** A step's code is running. */
  "attempt",
  /** A step could run and does not yet. */
  "start",
  /** A step could run, and no node can take it now. */
  "placement",
  /** A step is tried again later. */
  "retry",
  /** A step waits for others. */
  "needs",
  /** A mapped step waits for its items. */
  "items",
  /** A run that does a step's work has not ended. */
  "child",
  /** A step is out of attempts, and somebody must say what becomes of it. */
  "held",
  /** The run could not be gone on with. */
  "fault",
  /** For a time. */
  "timer",
  "signal",
  /** For somebody's decision. */
  "approval",
  /** Somebody has paused it. */
  "paused",
  /** Its host is at it. */
  "decision",
  /** Nobody hosts it, for it is driven through a store. */
  "hand",
  /** Its gate has not let it in. */
  "admission",
  /** Only a part of it was imported. */
  "import",
] as const;

/** One thing that a run waits for. */
export interface Wait {
  readonly kind: (typeof waitKinds)[number];
  readonly step?: string;
  /** A sentence for people. */
  readonly what: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** When it ends by itself, by going on or by failing; null: never. */
  readonly until: number | null;
  /** Who or what ends it. */
  readonly by: string;
  /** What happens then. */
  readonly next: string;
  /** Only of a `placement`: the nodes that were looked at, and why each cannot take the step. */
  readonly nodes?: readonly NodeRefusal[];
}

/** A signal that the run has taken from its inbox and that no wait has got. */
export interface KeptSignal {
  readonly signal: string;
  readonly name: string;
  /** When the run took it. */
  readonly since: number;
  /** It carries a decision: it waits for the approval of its name to be asked for. */
  readonly decision?: { readonly approved: boolean; readonly by: string };
}

/** The earlier of two times of which each may be missing. */
export const earlier = (one: number | null, other: number | null): number | null =>
  one === null || (other !== null && other < one) ? other : one;

/** Waits of one kind beyond this many are counted, not listed. */
export const LISTED_MAX = 20;

/** The first of the waits, and one that says how many more there are. */
export function* some<T>(things: Iterable<T>, waitOf: (thing: T) => Wait): Generator<Wait> {
  let [listed, more]: [Wait | undefined, number] = [undefined, 0];
  let count = 0;
  for (const thing of things) {
    if (count++ < LISTED_MAX) {
      listed = waitOf(thing);
      yield listed;
    } else more++;
  }
  if (listed === undefined || more === 0) return;
  const { step: _step, ...alike } = listed;
  yield { ...alike, what: `${more} more like this one: ${alike.what}` };
}
