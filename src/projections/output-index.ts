/**
 * All outputs of all runs, without their contents: which ref lies where, who made what last, and what
 * was made from what. The one question about outputs that a run alone cannot answer is asked here.
 */
import type { FoldedFrame, Projection } from "./projection.ts";

/** By when it was made, for outputs of runs that have no common order. */
const byTime = (one: IndexedOutput, other: IndexedOutput): number =>
  one.at - other.at || one.position - other.position;

/** An output as it is found across runs. */
export interface IndexedOutput {
  readonly ref: string;
  readonly run: string;
  /** Of the frame that holds it. */
  readonly position: number;
  /** When it was made (ms since the epoch). */
  readonly at: number;
  readonly attempt: number;
  readonly producer: string;
  readonly type: "progress" | "partial" | "artifact" | "final";
  /** Of an artifact; null for the others. */
  readonly name: string | null;
  /**
   * What it was made from, as far as that was recorded before it; of other runs also what is read later,
   * because runs have no common order in a log of several partitions.
   */
  parents: readonly IndexedOutput[];
  /** The same as it was told, known or not. */
  readonly refs: readonly string[];
  /** What was made from it, in the order of the log. */
  children: readonly IndexedOutput[];
}

/**
 * The outputs by what they are looked for; lists end with the newest. The order of the log is, where that has
 * several partitions, of different runs the order of time.
 */
export interface OutputIndex {
  /** Whether the log has an order over all runs. */
  isOrdered: boolean;
  /** By the ref of a parent that was not read yet: what was made from it. */
  readonly awaited: Map<string, IndexedOutput[]>;
  /** In the order of the log, or in which they were read. */
  readonly byRef: Map<string, IndexedOutput>;
  readonly byRun: Map<string, IndexedOutput[]>;
  /** By producer, in the order of the log. */
  readonly byProducer: Map<string, IndexedOutput[]>;
  /** Artifacts by name, in the order of the log. */
  readonly byArtifact: Map<string, IndexedOutput[]>;
}

/** One output as it is saved; runs and producers by number in a list, parents by ref. */
type Row = readonly [
  ref: string,
  run: number,
  position: number,
  at: number,
  attempt: number,
  producer: number,
  type: IndexedOutput["type"],
  name: string | null,
  parents: readonly string[],
];

interface Saved {
  readonly isOrdered: boolean;
  readonly runs: readonly string[];
  readonly producers: readonly string[];
  readonly rows: readonly Row[];
}

/** Shared, because most outputs have neither parents nor children. */
const NONE: IndexedOutput[] = [];
const NO_REFS: readonly string[] = [];

export const outputIndex: Projection<OutputIndex> = {
  name: "output-index",
  version: 2,
  initial: () => ({
    isOrdered: true,
    awaited: new Map(),
    byRef: new Map(),
    byRun: new Map(),
    byProducer: new Map(),
    byArtifact: new Map(),
  }),
  apply(view, { place, opened, partitions }: FoldedFrame) {
    if ("damaged" in opened) return;
    view.isOrdered = partitions === 1;
    for (const event of opened.frame.events) {
      if (event.type !== "output.emitted") continue;
      const { ref, at, attempt, producer, content, parents } = event;
      const { run, position } = place;
      const name = content.type === "artifact" ? content.name : null;
      add(view, { ref, run, position, at, attempt, producer, type: content.type, name }, parents);
    }
  },
  forget(view, run) {
    const gone = new Set(view.byRun.get(run));
    view.byRun.delete(run);
    for (const output of gone) view.byRef.delete(output.ref);
    for (const ref of new Set(Array.from(gone, ({ refs }) => refs).flat())) {
      keep(view.awaited, ref, (output) => !gone.has(output));
    }
    const isLeft = (output: IndexedOutput): boolean => !gone.has(output);
    for (const key of new Set(Array.from(gone, ({ producer }) => producer))) {
      keep(view.byProducer, key, isLeft);
    }
    for (const key of new Set(Array.from(gone, ({ name }) => name ?? ""))) {
      keep(view.byArtifact, key, isLeft);
    }
    for (const { parents, children } of gone) {
      for (const parent of parents) parent.children = parent.children.filter(isLeft);
      for (const child of children) child.parents = child.parents.filter(isLeft);
    }
  },
  save(view): Saved {
    const runs = new Numbers();
    const producers = new Numbers();
    const { isOrdered } = view;
    const outputs = isOrdered ? view.byRef.values() : [...view.byRef.values()].sort(byTime);
    const rows = Array.from(outputs, (output): Row => {
      const { ref, run, position, at, attempt, producer, type, name, refs, parents } = output;
      const told = isOrdered ? parents.map((parent) => parent.ref) : refs;
      return [ref, runs.of(run), position, at, attempt, producers.of(producer), type, name, told];
    });
    return { isOrdered, runs: runs.names, producers: producers.names, rows };
  },
  restore(saved) {
    const { isOrdered, runs, producers, rows } = saved as Saved;
    const view = outputIndex.initial();
    view.isOrdered = isOrdered;
    for (const [ref, runAt, position, at, attempt, producerAt, type, name, parents] of rows) {
      const run = runs[runAt] as string;
      const producer = producers[producerAt] as string;
      add(view, { ref, run, position, at, attempt, producer, type, name }, parents);
    }
    return view;
  },
};

function add(
  view: OutputIndex,
  known: Omit<IndexedOutput, "parents" | "children" | "refs">,
  refs: readonly string[],
): void {
  if (view.byRef.has(known.ref)) return;
  const found = refs.flatMap((ref) => view.byRef.get(ref) ?? []);
  const output = {
    ...known,
    refs: view.isOrdered ? NO_REFS : refs,
    parents: found.length > 0 ? [...new Set(found)] : NONE,
    children: NONE,
  };
  view.byRef.set(output.ref, output);
  push(view, view.byRun, output.run, output);
  push(view, view.byProducer, output.producer, output);
  if (output.name !== null) push(view, view.byArtifact, output.name, output);
  for (const parent of output.parents) bear(parent, output);
  if (!view.isOrdered) meet(view, output);
}

function bear(parent: IndexedOutput, output: IndexedOutput): void {
  if (parent.children === NONE) parent.children = [output];
  else (parent.children as IndexedOutput[]).push(output);
}

/** Joins an output with parents and children in other partitions that were read before their time. */
function meet(view: OutputIndex, output: IndexedOutput): void {
  for (const ref of new Set(output.refs)) {
    if (!view.byRef.has(ref)) push(view, view.awaited, ref, output);
  }
  for (const child of view.awaited.get(output.ref) ?? []) {
    // In one run there is an order, and what comes later is no parent.
    if (child.run === output.run) continue;
    child.parents = [...new Set(child.refs)].flatMap((ref) =>
      ref === output.ref ? output : child.parents.filter((parent) => parent.ref === ref),
    );
    bear(output, child);
  }
  view.awaited.delete(output.ref);
}

function push(
  { isOrdered }: OutputIndex,
  lists: Map<string, IndexedOutput[]>,
  key: string,
  output: IndexedOutput,
): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [output]);
  else if (isOrdered) list.push(output);
  else list.splice(list.findLastIndex((one) => byTime(one, output) <= 0) + 1, 0, output);
}

function keep(
  lists: Map<string, IndexedOutput[]>,
  key: string,
  wanted: (output: IndexedOutput) => boolean,
): void {
  const left = lists.get(key)?.filter(wanted) ?? [];
  if (left.length === 0) lists.delete(key);
  else lists.set(key, left);
}

/** Names by number, in the order in which they come. */
class Numbers {
  readonly names: string[] = [];
  readonly #known = new Map<string, number>();

  of(name: string): number {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    this.#known.set(name, this.names.length);
    return this.names.push(name) - 1;
  }
}
