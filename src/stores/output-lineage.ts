/** What an output was made from and what was made from it, over all runs: a walk through the index. */
import type { IndexedOutput } from "../projections/output-index.ts";

/** An output in a lineage: where it stands, not what it holds. */
export interface LineageEntry {
  readonly ref: string;
  readonly taskId: string;
  readonly attempt: number;
  readonly producer: string;
  readonly type: IndexedOutput["type"];
  /** Of an artifact; null for the others. */
  readonly name: string | null;
  readonly parentRefs: readonly string[];
}

/** Each output once, the nearest first. */
export interface Lineage {
  /** What it was made from, directly or not, as far as that is known. */
  readonly up: readonly LineageEntry[];
  /** What was made from it, directly or not. */
  readonly down: readonly LineageEntry[];
}

/** An edge leads to what was in the log before, and no output is walked over twice, so both walks end. */
export const lineageOf = (output: IndexedOutput): Lineage => ({
  up: walk(output, ({ parents }) => parents),
  down: walk(output, ({ children }) => children),
});

function walk(
  from: IndexedOutput,
  next: (output: IndexedOutput) => readonly IndexedOutput[],
): LineageEntry[] {
  const met = new Set([from]);
  // A set is walked in the order in which its members came, also those that come meanwhile.
  for (const output of met) for (const other of next(output)) met.add(other);
  met.delete(from);
  return Array.from(met, entryOf);
}

const entryOf = (output: IndexedOutput): LineageEntry => ({
  ref: output.ref,
  taskId: output.run,
  attempt: output.attempt,
  producer: output.producer,
  type: output.type,
  name: output.name,
  parentRefs: output.parents.map((parent) => parent.ref),
});
