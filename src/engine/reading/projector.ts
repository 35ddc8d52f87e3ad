/**
 * Keeps a projection true: from its saved copy, if there is one, then frame by frame from the log. Processes
 * that keep the same one share the reading: whoever is far behind goes on from the copy that another has saved.
 */
import { openFrame } from "../../events/frame.ts";
import { pause } from "../../kernel/clock.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import {
  advance,
  type Cursor,
  covers,
  framesBetween,
  furthest,
  isOf,
  reaches,
  startOf,
} from "../../ports/cursor.ts";
import type { Position, StoredFrame } from "../../ports/event-log.ts";
import type { FoldedFrame, Projection } from "../../projections/projection.ts";
import type { Engine } from "../engine.ts";

/** A copy is saved when so many frames were folded since the last one … */
const SAVE_EVERY_FRAMES = 2_000;
/** … or, for a large view, so many that its copies stay within this many bytes per frame. */
const SAVED_BYTES_PER_FRAME = 512;
/** Between two questions to a log that is behind (ms). */
const BEHIND_MS = 20;

/** One projection in one process: every answer is true up to the head of the log when it was asked for. */
export class Projector<V> {
  readonly #engine: Engine;
  readonly #projection: Projection<V>;
  #view: V | undefined;
  #upTo: Cursor;
  #unsaved = 0;
  #savedBytes = 0;
  #running: Promise<V> | undefined;

  constructor(engine: Engine, projection: Projection<V>) {
    this.#engine = engine;
    this.#projection = projection;
    this.#upTo = startOf(engine.store.log.partitions);
  }

  /**
   * The view, true up to the head of the log at the moment of the call or later. Costs one question
   * for the head when nothing has come since the last call. The view changes with later calls: take
   * from it what you need before you wait for anything.
   * @param atLeast a position that is known to exist: a replica of the log may answer that is not so far yet
   */
  async current(atLeast: Position = 0): Promise<V> {
    for (;;) {
      const view = await this.#upToHead();
      if (covers(this.#upTo, atLeast)) return view;
      await pause(this.#engine.world.clock, BEHIND_MS);
    }
  }

  async #upToHead(): Promise<V> {
    const head = await this.#engine.store.log.head();
    if (this.#view !== undefined && reaches(this.#upTo, head)) return this.#view;
    // Whoever comes while a pass is under way may have seen a newer head: it needs the next pass.
    // What that pass met is told to those who asked for it; the next one meets it anew.
    if (this.#running !== undefined) await Promise.allSettled([this.#running]);
    this.#running ??= this.#catchUp(head).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Saves a copy if much has come since the last one; `always`: if anything has. */
  async save(always = false): Promise<void> {
    if (this.#view === undefined || this.#unsaved < (always ? 1 : this.#due)) return;
    const bytes = savedBytes(this.#projection, this.#view);
    this.#unsaved = 0;
    this.#savedBytes = bytes.length;
    const { views } = this.#engine.store;
    await views.save(viewKey(this.#projection), { position: this.#upTo, bytes });
  }

  /**
   * Folds one run anew, from its first frame: what the view knows of it may have been seen before its
   * log was damaged.
   */
  async refold(run: string): Promise<void> {
    let view: V = await this.current();
    const frames: (FoldedFrame | undefined)[] = [];
    let upTo: Cursor;
    do {
      frames.length = 0;
      upTo = this.#upTo;
      for await (const stored of this.#engine.store.log.read({ run, tombstones: true })) {
        if (covers(upTo, stored.position)) frames.push(openStored(this.#engine, stored));
      }
    } while (upTo !== this.#upTo);
    // Meanwhile a saved copy may have taken its place.
    view = this.#view ?? view;
    this.#projection.forget(view, run);
    for (const frame of frames) project(this.#projection, view, run, frame);
    this.#unsaved++;
  }

  async #catchUp(head: Cursor): Promise<V> {
    const view = await this.#startingPoint(head);
    const { workflow } = this.#projection;
    const after = this.#upTo;
    const range =
      workflow === undefined ? { after, tombstones: true as const } : { after, workflow };
    for await (const stored of this.#engine.store.log.read(range)) {
      project(this.#projection, view, stored.run, openStored(this.#engine, stored));
      this.#upTo = advance(this.#upTo, stored.position);
      this.#unsaved++;
    }
    // What stood at the head may have been erased before it was read.
    this.#upTo = furthest(this.#upTo, head);
    await this.save();
    return view;
  }

  /** So many frames are worth a copy: saved by whoever has read them, loaded by whoever has not. */
  get #due(): number {
    return Math.max(SAVE_EVERY_FRAMES, this.#savedBytes / SAVED_BYTES_PER_FRAME);
  }

  /** The view as it is here, or a saved copy that is further. */
  async #startingPoint(head: Cursor): Promise<V> {
    const known = this.#view;
    if (known === undefined || framesBetween(this.#upTo, head) >= this.#due) await this.#load();
    this.#view ??= this.#projection.initial();
    return this.#view;
  }

  async #load(): Promise<void> {
    const { log, views } = this.#engine.store;
    const here = this.#view === undefined ? undefined : this.#upTo;
    const saved = await views.load(viewKey(this.#projection), here);
    const view = saved && restored(this.#projection, saved.bytes);
    if (saved === undefined || view === undefined || !isOf(log.partitions, saved.position)) return;
    this.#view = view;
    this.#upTo = saved.position;
    this.#unsaved = 0;
    this.#savedBytes = saved.bytes.length;
  }
}

/** The key of a projection's saved copy. */
export const viewKey = ({ name, version }: Projection<unknown>): string => `${name}.${version}`;

/** A view as it is saved: equal views give equal bytes. */
export const savedBytes = <V>(projection: Projection<V>, view: V): Uint8Array =>
  Buffer.from(JSON.stringify(projection.save(view)));

/** The view in a saved copy; undefined when it holds none, because nobody needs a copy to be whole. */
export function restored<V>(projection: Projection<V>, bytes: Uint8Array): V | undefined {
  try {
    return projection.restore(JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch (error) {
    // Text that is no JSON, or JSON of another shape.
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/**
 * A stored frame as projections get it; one that cannot be opened says why. Undefined for a tombstone: what
 * is known of its run is to be forgotten.
 */
export function openStored(engine: Engine, stored: StoredFrame): FoldedFrame | undefined {
  if (stored.bytes.length === 0) return undefined;
  const { partitions } = engine.store.log;
  try {
    const opened = openFrame(stored.run, stored.bytes, engine.codecs);
    return { place: stored, opened, partitions };
  } catch (error) {
    if (!isMillraceError(error, "E_FRAME_INVALID")) throw error;
    return { place: stored, opened: { damaged: error.message }, partitions };
  }
}

/** Folds into the view what `openStored` gave for a frame of `run`. */
export function project<V>(
  projection: Projection<V>,
  view: V,
  run: string,
  frame: FoldedFrame | undefined,
): void {
  if (frame === undefined) projection.forget(view, run);
  else projection.apply(view, frame);
}
