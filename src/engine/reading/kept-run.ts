/** A run kept in memory: its state and its notes, both true up to the same committed frame. */
import { evolveFrame } from "../../domain/evolve.ts";
import { emptyRun, type RunState } from "../../domain/state.ts";
import { carriedValue } from "../../events/carried-value.ts";
import { type Frame, openFrame } from "../../events/frame.ts";
import type { MillraceEvent } from "../../events/vocabulary.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import { emptyNotes, foldNotes, inheritNote, type RunNotes } from "../../projections/run-notes.ts";
import type { Engine } from "../engine.ts";
import { forkPointOf, groundOf, inheritedEvents } from "./history.ts";

/** A run that is kept in memory between calls, as committed. */
export interface KeptRun {
  state: RunState;
  readonly notes: RunNotes;
  /** Roughly what it takes in memory. */
  bytes: number;
}

/** What an event costs in memory beside the values that it carries. */
const EVENT_BYTES = 256;

/** Roughly what is kept of an event: of notes only an index, of all others the value too. */
function weigh(event: MillraceEvent): number {
  if (NOTES.has(event.type)) return EVENT_BYTES;
  const value = carriedValue(event);
  const inline = value !== undefined && "json" in value ? JSON.stringify(value.json) : undefined;
  return EVENT_BYTES + (inline?.length ?? 0);
}

const NOTES: ReadonlySet<string> = new Set(["checkpoint.saved", "user.noted", "output.emitted"]);

/**
 * The run as the log has it now. Of one that does not exist `cursor.seq` is 0, and `cursor.head` is
 * what an append that begins it must expect: 0, or the place where an erased run of this id ended.
 * @throws MillraceError `E_FRAME_INVALID`, `E_LOG_CORRUPT`
 */
export async function loadKept(engine: Engine, run: string): Promise<KeptRun> {
  try {
    return await readKept(engine, run);
  } catch (error) {
    // One that is erased and begun anew while it is read looks broken, but not twice.
    if (!isMillraceError(error, "E_LOG_CORRUPT")) throw error;
    return readKept(engine, run);
  }
}

async function readKept(engine: Engine, run: string): Promise<KeptRun> {
  const kept: KeptRun = { state: emptyRun(run), notes: emptyNotes(), bytes: 0 };
  await foldNew(engine, kept);
  if (kept.state.cursor.seq > 0) return kept;
  const tombstone = await engine.store.log.head(run);
  if (tombstone === 0) return kept;
  // The run may have begun between the two requests: then its frames are there now.
  await foldNew(engine, kept);
  if (kept.state.cursor.seq === 0) kept.state.cursor.head = tombstone;
  return kept;
}

/**
 * Brings a kept run up to date, in place; one request when nothing has happened. Gives another one
 * when the run was erased meanwhile.
 * @throws MillraceError `E_FRAME_INVALID`, `E_LOG_CORRUPT`
 */
export async function catchUpKept(engine: Engine, kept: KeptRun): Promise<KeptRun> {
  const { cursor, id } = kept.state;
  const head = await engine.store.log.head(id);
  if (head === cursor.head) return kept;
  try {
    await foldNew(engine, kept);
  } catch (error) {
    // A run that was erased and begun anew does not follow what was kept of the old one.
    if (!isMillraceError(error, "E_LOG_CORRUPT")) throw error;
    return loadKept(engine, id);
  }
  return cursor.head < head ? loadKept(engine, id) : kept;
}

/** Takes over a state whose last `events` were just committed as one frame. */
export function adopt(kept: KeptRun, state: RunState, events: readonly MillraceEvent[]): void {
  kept.state = state;
  const { seq, head: position } = state.cursor;
  note(kept, position, { seq: seq - events.length + 1, events });
}

async function foldNew(engine: Engine, kept: KeptRun): Promise<void> {
  const { id, cursor } = kept.state;
  const range = { run: id, after: cursor.head };
  for await (const stored of engine.store.log.read(range)) {
    const opened = openFrame(id, stored.bytes, engine.codecs);
    if (opened.frame.seq === 1) await begin(engine, kept, opened.frame);
    evolveFrame(kept.state, opened, stored.position);
    note(kept, stored.position, opened.frame);
  }
}

/** A fork begins with what it has inherited. */
async function begin(engine: Engine, kept: KeptRun, first: Frame): Promise<void> {
  kept.state = await groundOf(engine, kept.state.id, first);
  for await (const { event, ...place } of inheritedEvents(engine, forkPointOf(first))) {
    inheritNote(kept.notes, event, place);
  }
}

function note(
  kept: KeptRun,
  position: number,
  frame: { readonly seq: number; readonly events: readonly MillraceEvent[] },
): void {
  foldNotes(kept.notes, { run: kept.state.id, position }, frame);
  for (const event of frame.events) kept.bytes += weigh(event);
}
