/** From the log to a run's state. A fork is folded on top of the run that it branched off. */

import type { ForkPoint } from "../../../machines/run-data.ts";
import { evolve, evolveFrame } from "../../domain/evolve.ts";
import { inherit } from "../../domain/fork.ts";
import { itemOf, undoOf } from "../../domain/plan.ts";
import { emptyRun, type RunState } from "../../domain/state.ts";
import { type Frame, type Opened, openFrame } from "../../events/frame.ts";
import type { MillraceEvent } from "../../events/vocabulary.ts";
import { MillraceError } from "../../kernel/errors.ts";
import type { StoredFrame } from "../../ports/event-log.ts";
import type { Engine } from "../engine.ts";

/** Where the run branched off, if this is the first frame of a fork. */
export function forkPointOf({ seq, events: [first] }: Frame): ForkPoint | undefined {
  return seq === 1 && first?.type === "run.created" ? first.forkOf : undefined;
}

/** A run's first frame, and where it is; undefined when there is none. @throws MillraceError `E_FRAME_INVALID` */
export async function firstFrame(
  { store, codecs }: Engine,
  run: string,
): Promise<{ readonly position: number; readonly opened: Opened } | undefined> {
  for await (const { position, bytes } of store.log.read({ run, limit: 1 })) {
    return { position, opened: openFrame(run, bytes, codecs) };
  }
  return undefined;
}

/**
 * What a run's first frame is folded onto: nothing, or what the run was that it branched off.
 * @throws MillraceError `E_LOG_CORRUPT` when that is gone
 */
export async function groundOf(engine: Engine, run: string, first: Frame): Promise<RunState> {
  const fork = forkPointOf(first);
  if (fork === undefined) return emptyRun(run);
  const origin = await loadRunAt(engine, fork.run, fork.seq);
  if (origin.cursor.seq === fork.seq) return inherit(origin, run, fork.reset);
  throw new MillraceError(
    "E_LOG_CORRUPT",
    `run ${run} branched off event ${fork.seq} of run ${fork.run}, which is gone; restore the log from a backup, or erase the fork`,
    { details: { run, origin: fork.run, seq: fork.seq } },
  );
}

/** Folds a run's first frame. @throws MillraceError `E_FRAME_INVALID`, `E_LOG_CORRUPT` */
export async function foldFirst(engine: Engine, stored: StoredFrame): Promise<RunState> {
  const opened = openFrame(stored.run, stored.bytes, engine.codecs);
  const state = await groundOf(engine, stored.run, opened.frame);
  evolveFrame(state, opened, stored.position);
  return state;
}

/** The run as it was right after event `seq`; as it is now when it has fewer events. */
export async function loadRunAt(engine: Engine, run: string, seq: number): Promise<RunState> {
  let state = emptyRun(run);
  for await (const stored of engine.store.log.read({ run })) {
    const opened = openFrame(run, stored.bytes, engine.codecs);
    const { frame } = opened;
    const wanted = frame.events.slice(0, Math.max(0, seq - frame.seq + 1));
    if (wanted.length > 0 && frame.seq === 1) state = await groundOf(engine, run, frame);
    if (wanted.length === frame.events.length) evolveFrame(state, opened, stored.position);
    else {
      for (const event of wanted) evolve(state, event);
      break;
    }
  }
  return state;
}

/**
 * The run as the log has it now; its cursor is at 0 when there is no such run.
 * @param workflow its workflow, when the caller knows it: the read is cheaper then
 */
export async function loadRun(engine: Engine, run: string, workflow?: string): Promise<RunState> {
  let state = emptyRun(run);
  const scope = workflow === undefined ? { run } : { run, workflow };
  for await (const stored of engine.store.log.read(scope)) {
    const opened = openFrame(run, stored.bytes, engine.codecs);
    if (opened.frame.seq === 1) state = await groundOf(engine, run, opened.frame);
    evolveFrame(state, opened, stored.position);
  }
  return state;
}

/**
 * A run whose ticket was claimed. A hint that is out of date costs the claim a conflict, and then the log is
 * read.
 */
export const loadClaimed = (
  engine: Engine,
  ticket: { readonly run: string; readonly workflow: string },
  hint: { readonly position: number; readonly bytes: Uint8Array } | undefined,
): Promise<RunState> =>
  hint === undefined
    ? loadRun(engine, ticket.run, ticket.workflow)
    : foldFirst(engine, { ...ticket, ...hint });

/** An event that a fork has inherited, with the place where it is recorded. */
export interface Inherited {
  readonly run: string;
  readonly position: number;
  readonly seq: number;
  readonly event: MillraceEvent;
}

/**
 * What a fork has inherited, the oldest first, through all the runs that it goes back to; what steps did
 * that are done anew is not among it.
 */
export async function* inheritedEvents(
  engine: Engine,
  fork: ForkPoint | undefined,
): AsyncGenerator<Inherited> {
  if (fork === undefined) return;
  const { run, seq: last, reset = [] } = fork;
  const isReset = (event: MillraceEvent): boolean => reset.includes(stepOf(event));
  for await (const { position, bytes } of engine.store.log.read({ run })) {
    const { frame } = openFrame(run, bytes, engine.codecs);
    for await (const older of inheritedEvents(engine, forkPointOf(frame))) {
      if (!isReset(older.event)) yield older;
    }
    for (const [index, event] of frame.events.entries()) {
      const seq = frame.seq + index;
      if (seq > last) return;
      if (!isReset(event)) yield { run, position, seq, event };
    }
  }
}

/** The step that an event is about, or whose item, undo or output it is about. */
function stepOf(event: MillraceEvent): string {
  const id = event.type === "output.emitted" ? event.producer : "step" in event ? event.step : "";
  const step = undoOf(id ?? "") ?? id ?? "";
  return itemOf(step)?.step ?? step;
}
