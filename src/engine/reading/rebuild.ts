/**
 * Projections from nothing: the whole log is folded again, and the saved copies are replaced. Verifying
 * compares them first: a saved copy, brought up to date, must be the same bytes as one that never was
 * saved.
 */
import { advance, type Cursor, covers, isSame, startOf } from "../../ports/cursor.ts";
import type { SavedView } from "../../ports/view-store.ts";
import type { FoldedFrame, Projection } from "../../projections/projection.ts";
import type { Engine } from "../engine.ts";
import { openStored, project, restored, savedBytes, viewKey } from "./projector.ts";

/** How far a rebuild has got. */
export interface RebuildProgress {
  readonly frames: number;
  readonly events: number;
  /** How far it is in the log, and how far it will be. */
  readonly position: Cursor;
  readonly head: Cursor;
}

/** What became of one projection. */
export interface Rebuilt {
  readonly name: string;
  readonly version: number;
  /** Size of its saved copy. */
  readonly bytes: number;
  /** `none`: there was no saved copy, or it was not looked at. */
  readonly saved: "none" | "same" | "different";
}

/** How to rebuild, and whom to tell. */
export interface RebuildOptions {
  /** Compare with the saved copies before they are replaced. @default false */
  readonly verify?: boolean;
  /** Called now and then, and at the end. */
  onProgress?(progress: RebuildProgress): void;
  /** Gives up; the saved copies then stay as they were. */
  readonly signal?: AbortSignal;
}

/** Frames between two reports; the event loop turns as often. */
const REPORT_EVERY_FRAMES = 2_000;

interface Task {
  readonly projection: Projection<unknown>;
  readonly view: unknown;
  readonly saved: SavedView | undefined;
  /** The view in the saved copy; undefined if it holds none. */
  readonly known: unknown;
}

/**
 * Rebuilds the projections in one pass over the log.
 * @throws whatever the log or the view store rejects with
 */
export async function rebuild(
  engine: Engine,
  projections: readonly Projection<unknown>[],
  options: RebuildOptions = {},
): Promise<readonly Rebuilt[]> {
  const { verify = false, onProgress, signal } = options;
  const { log } = engine.store;
  const tasks = await Promise.all(projections.map((one) => begin(engine, one, verify)));
  // After the copies were loaded, so that none of them is ahead of it.
  const head = await log.head();
  let [frames, events] = [0, 0];
  let position = startOf(log.partitions);
  for await (const stored of log.read({ upTo: head, tombstones: true })) {
    signal?.throwIfAborted();
    const frame = openStored(engine, stored);
    for (const task of tasks) fold(task, stored, frame);
    position = advance(position, stored.position);
    events +=
      frame === undefined || "damaged" in frame.opened ? 0 : frame.opened.frame.events.length;
    if (++frames % REPORT_EVERY_FRAMES > 0) continue;
    onProgress?.({ frames, events, position, head });
    await engine.world.clock.turn();
  }
  const rebuilt = tasks.map((task) => compare(task, head));
  await Promise.all(
    rebuilt.map(({ key, bytes }) => replace(engine, key, { position: head, bytes })),
  );
  onProgress?.({ frames, events, position: head, head });
  return rebuilt.map(({ projection: { name, version }, bytes, saved }) => {
    return { name, version, bytes: bytes.length, saved };
  });
}

async function begin(
  engine: Engine,
  projection: Projection<unknown>,
  verify: boolean,
): Promise<Task> {
  const saved = verify ? await engine.store.views.load(viewKey(projection)) : undefined;
  const known = saved && restored(projection, saved.bytes);
  return { projection, view: projection.initial(), saved, known };
}

function fold(
  { projection, view, saved, known }: Task,
  { run, position }: { readonly run: string; readonly position: number },
  frame: FoldedFrame | undefined,
): void {
  project(projection, view, run, frame);
  if (saved === undefined || known === undefined || covers(saved.position, position)) return;
  project(projection, known, run, frame);
}

function compare({ projection, view, saved, known }: Task, head: Cursor) {
  const bytes = savedBytes(projection, view);
  const key = viewKey(projection);
  if (saved === undefined) return { projection, key, bytes, saved: "none" } as const;
  const now = isSame(saved.position, head) ? saved.bytes : upToDate(projection, known);
  const same = now !== undefined && Buffer.compare(now, bytes) === 0;
  return { projection, key, bytes, saved: same ? "same" : "different" } as const;
}

const upToDate = (projection: Projection<unknown>, known: unknown): Uint8Array | undefined =>
  known === undefined ? undefined : savedBytes(projection, known);

/** Deleted first, because a copy that claims to be further along would stay. */
async function replace({ store }: Engine, key: string, view: SavedView): Promise<void> {
  await store.views.delete(key);
  await store.views.save(key, view);
}
