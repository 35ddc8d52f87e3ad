/** What is different between two moments of a run. */
import { isDeepStrictEqual } from "node:util";
import type { StateView } from "./state-view.ts";

/** Something at two moments; null where it was not there. */
export interface Change<T> {
  readonly before: T | null;
  readonly after: T | null;
}

/** The fields of a view that are lists. */
type ListField = "steps" | "timers" | "waits" | "signals" | "checkpoints" | "outputs";

/** A field of the run itself. */
export type RunField = Exclude<keyof StateView, ListField | "run" | "seq">;

/** The lists of a view, each with the field by which an entry is known. */
export const stateLists = [
  ["steps", "step"],
  ["timers", "timer"],
  ["waits", "wait"],
  ["signals", "id"],
  ["checkpoints", "checkpoint"],
  ["outputs", "ref"],
] as const satisfies (readonly [ListField, string])[];

/** What is different between two moments of a run: in the lists, entries that came, went, or changed. */
export type StateDiff = {
  readonly [L in ListField]: readonly Change<StateView[L][number]>[];
} & {
  readonly run: string;
  /** `seq` of the last event at each of the two. */
  readonly from: number;
  readonly to: number;
  /** Of the run itself: its status, who hosts it, why it waits, its output … */
  readonly fields: readonly (Change<unknown> & { readonly field: RunField })[];
};

/** See `Client.diff`. */
export function diffStates(before: StateView, after: StateView): StateDiff {
  const { steps, timers, waits, signals, checkpoints, outputs, run, seq, ...fields } = after;
  return {
    run,
    from: before.seq,
    to: seq,
    fields: (Object.keys(fields) as RunField[])
      .filter((field) => !isDeepStrictEqual(before[field], after[field]))
      .map((field) => ({ field, before: before[field], after: after[field] })),
    steps: changes(before.steps, steps, ({ step }) => step),
    timers: changes(before.timers, timers, ({ timer }) => timer),
    waits: changes(before.waits, waits, ({ wait }) => wait),
    signals: changes(before.signals, signals, ({ id }) => id),
    checkpoints: changes(before.checkpoints, checkpoints, ({ checkpoint }) => checkpoint),
    outputs: changes(before.outputs, outputs, ({ ref }) => ref),
  };
}

/** In the order of `after`, then what went. */
function changes<T>(
  before: readonly T[],
  after: readonly T[],
  nameOf: (entry: T) => unknown,
): Change<T>[] {
  const known = new Map(before.map((entry) => [nameOf(entry), entry]));
  const found: Change<T>[] = [];
  for (const entry of after) {
    const name = nameOf(entry);
    const old = known.get(name) ?? null;
    known.delete(name);
    if (old !== entry && !isDeepStrictEqual(old, entry)) found.push({ before: old, after: entry });
  }
  for (const entry of known.values()) found.push({ before: entry, after: null });
  return found;
}
