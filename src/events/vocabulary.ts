/**
 * Everything that can be recorded about a run. Transitions of the run and of its steps are defined by
 * the machines; notes are facts that no machine moves on. One string is the event's name everywhere:
 * in the log, in XState, in the docs and on the wire.
 */
import type { GateEvent } from "../../machines/gate-data.ts";
import type { RunEvent } from "../../machines/run-data.ts";
import type { ScheduleEvent } from "../../machines/schedule-data.ts";
import type { StepEvent } from "../../machines/step-data.ts";
import type { Value } from "../../machines/values.ts";

/** The content of an output: what a step hands out while it runs, and its last word. */
export type OutputContent =
  | { readonly type: "progress"; readonly stage: string; readonly note?: string }
  | { readonly type: "partial"; readonly chunk: Value }
  | { readonly type: "artifact"; readonly name: string; readonly content: Value }
  | { readonly type: "final"; readonly content: Value; readonly ok: boolean };

/** Facts about a run that no machine moves on. */
export type NoteEvent =
  | {
      type: "output.emitted";
      at: number;
      ref: string;
      task: string;
      attempt: number;
      producer: string;
      content: OutputContent;
      parents: readonly string[];
    }
  /**
   * `checkpoint`: 1, 2, 3 … per run, over all nodes of it. `encoding`: the state is bytes, not a JSON
   * value: base64 text when it is inline, the bytes themselves when it is a blob.
   */
  | {
      type: "checkpoint.saved";
      at: number;
      checkpoint: number;
      node: string;
      state: Value;
      encoding?: "bytes";
      metadata: Readonly<Record<string, string>>;
    }
  /**
   * Where a value that lives on a node can be fetched. An empty `node`: nowhere any more; an empty `key`:
   * all results and locations of the run that were recorded before are cleared.
   */
  | { type: "data.located"; at: number; key: string; node: string; digest: string; bytes: number }
  /** Something that should not have come was refused, and is kept to be looked at. */
  | { type: "anomaly.recorded"; at: number; kind: string; detail: string; step?: string }
  /** A fact that user code wanted in the log. */
  | { type: "user.noted"; at: number; name: string; payload: Value; step?: string };

/** What happens to records beside runs: see src/engine/records/ledger.ts. */
export type RecordEvent = GateEvent | ScheduleEvent;

/** Everything that a frame can hold. */
export type MillraceEvent = RunEvent | StepEvent | NoteEvent | RecordEvent;
/** The name of an event. */
export type EventType = MillraceEvent["type"];

/** The events after which nothing more happens to a run by itself. */
export const RUN_ENDS: ReadonlySet<EventType> = new Set([
  "run.completed",
  "run.failed",
  "run.cancelled",
  "run.terminated",
  "run.continued",
]);

/** Who wrote a frame: a node, and the epoch in which it hosted the run (0: not as its host). */
export interface Writer {
  readonly node: string;
  readonly epoch: number;
}

/** An event as readers get it: with its place, and with the frame it was committed in. */
export type RecordedEvent = MillraceEvent & {
  readonly run: string;
  readonly workflow: string;
  /** 1, 2, 3 … in its run, without gaps. */
  readonly seq: number;
  /** Place of its frame in the whole log. */
  readonly position: number;
  readonly commit: string;
  readonly writer: Writer;
};
