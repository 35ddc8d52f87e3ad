/**
 * The checkpoints of a run. States are not kept, except the newest of each node: older ones are
 * read from the log again, by the position of their frame, so that memory grows with their number
 * only.
 */
import type { NoteEvent } from "../events/vocabulary.ts";
import type { RunFold } from "./run-fold.ts";

/** The event that saves a checkpoint. */
export type CheckpointSaved = Extract<NoteEvent, { type: "checkpoint.saved" }>;

/** A checkpoint without its state. */
export interface CheckpointEntry {
  /** 1, 2, 3 … per run, over all nodes of it. */
  readonly checkpoint: number;
  readonly node: string;
  readonly at: number;
  /** Size of the state in bytes: of the bytes that were saved, or of the JSON text of a value. */
  readonly bytes: number;
  readonly metadata: Readonly<Record<string, string>>;
  /** Of the frame that holds it. */
  readonly position: number;
}

/** All checkpoints of one run. */
export interface Checkpoints {
  /** In their order; number n stands at n - 1. */
  readonly all: CheckpointEntry[];
  /** Checkpoint numbers of each node, ascending. */
  readonly byNode: Map<string, number[]>;
  /** The newest of each node, with its state. */
  readonly newest: Map<string, CheckpointSaved>;
}

/** Size in bytes of a checkpoint's state. */
export function stateBytes({ state, encoding }: CheckpointSaved): number {
  if ("blob" in state) return state.bytes;
  const json = "json" in state ? state.json : null;
  if (encoding === "bytes") return Buffer.byteLength(json as string, "base64");
  return Buffer.byteLength(JSON.stringify(json) ?? "null");
}

/** Folds `checkpoint.saved` into a run's checkpoints. */
export const checkpointFold: RunFold<Checkpoints> = {
  initial: () => ({ all: [], byNode: new Map(), newest: new Map() }),
  apply(view, event, { position }) {
    if (event.type !== "checkpoint.saved") return;
    const { checkpoint, node, at, metadata } = event;
    view.all.push({ checkpoint, node, at, metadata, position, bytes: stateBytes(event) });
    const numbers = view.byNode.get(node);
    if (numbers === undefined) view.byNode.set(node, [checkpoint]);
    else numbers.push(checkpoint);
    view.newest.set(node, event);
  },
};
