/** Runs, checkpoints and workflow events as callers of the checkpoint store see them. */
import type { Value } from "../../machines/values.ts";
import type { RunState } from "../domain/state.ts";
import type { Json } from "../kernel/json.ts";
import type { CheckpointEntry } from "../projections/checkpoints.ts";
import type { RunNotes } from "../projections/run-notes.ts";
import { type DrivenStatus, drivenStatus } from "./driven-status.ts";

/** What is known of a run. */
export interface RunMetadata {
  readonly run: string;
  readonly workflow: string;
  readonly status: DrivenStatus;
  readonly params: Json;
  readonly createdAt: number;
  /** When its status last changed. */
  readonly updatedAt: number;
  /** Numbers of the newest checkpoint and of the newest workflow event; 0: none yet. */
  readonly latestCheckpoint: number;
  readonly latestEvent: number;
}

/** A checkpoint without its state. */
export interface CheckpointMeta {
  readonly run: string;
  readonly node: string;
  /** 1, 2, 3 … over all nodes of the run. */
  readonly seq: number;
  /** In ms since the epoch. */
  readonly timestamp: number;
  readonly metadata: Readonly<Record<string, string>>;
  /** Size of the state in bytes. */
  readonly stateSize: number;
}

/** A checkpoint with its state. */
export interface SavedCheckpoint extends CheckpointMeta {
  readonly state: Uint8Array;
}

/** A workflow event as it is appended. */
export interface NewWorkflowEvent {
  readonly type: string;
  /** JSON. @default null */
  readonly payload?: unknown;
  /** The node that it is about; any text, not checked. */
  readonly node?: string;
}

/** A workflow event as it was appended. */
export interface WorkflowEvent {
  readonly run: string;
  /** 1, 2, 3 … per run, independent of the numbers of checkpoints. */
  readonly seq: number;
  readonly type: string;
  readonly timestamp: number;
  readonly node: string | null;
  readonly payload: Json;
}

/** A run's metadata, its parameters still as recorded; undefined when there is no such run. */
export function recordedRun(
  state: RunState,
  notes: RunNotes,
): (Omit<RunMetadata, "params"> & { readonly input: Value }) | undefined {
  if (state.cursor.seq === 0) return undefined;
  const { workflow, input, createdAt, updatedAt } = state.run.context;
  return {
    run: state.id,
    workflow,
    status: drivenStatus(state),
    input,
    createdAt,
    updatedAt,
    latestCheckpoint: state.checkpoints,
    latestEvent: notes.noted.positions.length,
  };
}

/** A checkpoint without its state, as it is handed out. */
export const metaOf = (
  run: string,
  { node, checkpoint, at, metadata, bytes }: Omit<CheckpointEntry, "position">,
): CheckpointMeta => ({
  run,
  node,
  seq: checkpoint,
  timestamp: at,
  metadata: { ...metadata },
  stateSize: bytes,
});
