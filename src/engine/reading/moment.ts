/**
 * A run at one moment: its state, and what it had handed out by then. Folded from its frames, and copied
 * cheaply, so that a long run can be kept at many moments.
 */
import { copyRunState } from "../../domain/copy.ts";
import { evolve, evolveFrame } from "../../domain/evolve.ts";
import type { RunState } from "../../domain/state.ts";
import type { Frame, Opened } from "../../events/frame.ts";
import type { MillraceEvent } from "../../events/vocabulary.ts";
import type { Position } from "../../ports/event-log.ts";
import { type CheckpointEntry, stateBytes } from "../../projections/checkpoints.ts";
import { type OutputEntry, outputEntry } from "../../projections/outputs.ts";
import type { EventPlace } from "../../projections/run-fold.ts";
import type { Engine } from "../engine.ts";
import { forkPointOf, groundOf, inheritedEvents } from "./history.ts";

/**
 * Outputs and checkpoints of a run in their order. Moments of one run share it and say how much of it is
 * theirs: whoever folds the same events again finds them here.
 */
export interface HandedOut {
  readonly outputs: OutputEntry[];
  readonly byRef: Map<string, number>;
  readonly checkpoints: CheckpointEntry[];
}

/** A run at one moment. */
export interface Moment {
  readonly state: RunState;
  readonly handedOut: HandedOut;
  /** How many of the outputs and checkpoints there were. */
  outputs: number;
  checkpoints: number;
  /** The latest time that an event so far has (ms). */
  latest: number;
  /** Size of the frames so far: roughly what their values take in memory. */
  bytes: number;
}

/** Which moment: right after event `seq`, right before the first event later than `time`, or now. */
export type When = { readonly seq: number } | { readonly time: number } | "now";

/** The run before its own first event: a fork has inherited something by then. */
export async function beforeFirst(engine: Engine, run: string, first: Frame): Promise<Moment> {
  const state = await groundOf(engine, run, first);
  const handedOut = { outputs: [], byRef: new Map(), checkpoints: [] };
  const moment = { state, handedOut, outputs: 0, checkpoints: 0, latest: 0, bytes: 0 };
  for await (const { event, ...place } of inheritedEvents(engine, forkPointOf(first))) {
    if (event.type === "output.emitted") note(moment, event, place);
  }
  return moment;
}

/** Linear in the steps, as `copyRunState` is. */
export const copyMoment = (moment: Moment): Moment => ({
  ...moment,
  state: copyRunState(moment.state),
});

/**
 * Folds a whole frame.
 * @throws MillraceError `E_LOG_CORRUPT` when it is not the next of its run
 */
export function foldFrame(moment: Moment, opened: Opened, position: Position, bytes: number): void {
  evolveFrame(moment.state, opened, position);
  const { seq, events } = opened.frame;
  for (const [index, event] of events.entries()) {
    note(moment, event, { run: moment.state.id, position, seq: seq + index });
  }
  moment.bytes += bytes;
}

/** Folds one event: a moment in the middle of a frame is not gone on with by whole frames. */
export function foldEvent(moment: Moment, event: MillraceEvent, position: Position): void {
  evolve(moment.state, event);
  note(moment, event, { run: moment.state.id, position, seq: moment.state.cursor.seq });
}

function note(moment: Moment, event: MillraceEvent, place: EventPlace): void {
  moment.latest = Math.max(moment.latest, event.at);
  const { outputs, byRef, checkpoints } = moment.handedOut;
  if (event.type === "output.emitted") {
    // A ref that is there already is the same output, written twice.
    if ((byRef.get(event.ref) ?? moment.outputs) < moment.outputs) return;
    outputs[moment.outputs] ??= outputEntry(event, place);
    byRef.set(event.ref, moment.outputs++);
  }
  if (event.type === "checkpoint.saved") {
    const { checkpoint, node, at, metadata } = event;
    const entry = { checkpoint, node, at, metadata, bytes: stateBytes(event) };
    checkpoints[moment.checkpoints++] ??= { ...entry, position: place.position };
  }
}
