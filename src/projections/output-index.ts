/**
 * All outputs of all runs, without their contents: which ref lies where, who made what last, and what
 * was made from what. The one question about outputs that a run alone cannot answer is asked here.
 */
import type { FoldedFrame, Projection } from "./projection.ts";

/** An output as it is found across runs. */
export interface IndexedOutput {
  readonly ref: string;
  readonly run: string;
  /** Of the frame that holds it. */
  readonly position: number;
  readonly attempt: number;
  readonly producer: string;
  readonly type: "progress" | "partial" | "artifact" | "final";
  /** Of an artifact; null for the others. */
  readonly name: string | null;
  /** What it was made from, as far as that was recorded before it: so there can be no cycle. */
  parents: readonly IndexedOutput[];
  /** What was made from it, in the order of the log. */
  children: readonly IndexedOutput[];
}

/** The outputs by what they are looked for; lists end with the newest. */
export interface OutputIndex {
  /** In the order of the log. */
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
  attempt: number,
  producer: number,
  type: IndexedOutput["type"],
  name: string | null,
  parents: readonly string[],
];

interface Saved {
  readonly runs: readonly string[];
  readonly producers: readonly string[];
  readonly rows: readonly Row[];
}

/** Shared, because most outputs have neither parents nor children. */
const NONE: IndexedOutput[] = [];

export const outputIndex: Projection<OutputIndex> = {
  name: "output-index",
  version: 1,
  initial: () => ({
    byRef: new Map(),
    byRun: new Map(),
    byProducer: new Map(),
    byArtifact: new Map(),
  }),
  apply(view, { place, opened }: FoldedFrame) {
    if ("damaged" in opened) return;
    for (const event of opened.frame.events) {
      if (event.type !== "output.emitted") continue;
      const { ref, attempt, producer, content, parents } = event;
      const { run, position } = place;
      const name = content.type === "artifact" ? content.name : null;
      add(view, { ref, run, position, attempt, producer, type: content.type, name }, parents);
    }
  },
  forget(view, run) {
    const gone = new Set(view.byRun.get(run));
    view.byRun.delete(run);
    for (const output of gone) view.byRef.delete(output.ref);
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
    const rows = Array.from(view.byRef.values(), (output): Row => {
      const { ref, run, position, attempt, producer, type, name, parents } = output;
      const refs = parents.map((parent) => parent.ref);
      return [ref, runs.of(run), position, attempt, producers.of(producer), type, name, refs];
    });
    return { runs: runs.names, producers: producers.names, rows };
  },
  restore(saved) {
    const { runs, producers, rows } = saved as Saved;
    const view = outputIndex.initial();
    for (const [ref, runAt, position, attempt, producerAt, type, name, parents] of rows) {
      const run = runs[runAt] as string;
      const producer = producers[producerAt] as string;
      add(view, { ref, run, position, attempt, producer, type, name }, parents);
    }
    return view;
  },
};

function add(
  view: OutputIndex,
  known: Omit<IndexedOutput, "parents" | "children">,
  refs: readonly string[],
): void {
  if (view.byRef.has(known.ref)) return;
  const found = refs.flatMap((ref) => view.byRef.get(ref) ?? []);
  const output = {
    ...known,
    parents: found.length > 0 ? [...new Set(found)] : NONE,
    children: NONE,
  };
  view.byRef.set(output.ref, output);
  push(view.byRun, output.run, output);
  push(view.byProducer, output.producer, output);
  if (output.name !== null) push(view.byArtifact, output.name, output);
  for (const parent of output.parents) {
    if (parent.children === NONE) parent.children = [output];
    else (parent.children as IndexedOutput[]).push(output);
  }
}

function push(lists: Map<string, IndexedOutput[]>, key: string, output: IndexedOutput): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [output]);
  else list.push(output);
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
