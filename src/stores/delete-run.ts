/** Removing a run with everything that was ever recorded of it. */
import type { Engine } from "../engine/engine.ts";
import type { Journal } from "../engine/reading/journal.ts";
import type { Projector } from "../engine/reading/projector.ts";
import type { BlobReferences } from "../projections/blob-references.ts";
import { livesOn, type RunSummaries } from "../projections/run-summary.ts";
import { blobsOnlyOf, isOnlyOf } from "./run-blobs.ts";

/** A projection over all runs that keeps a copy of itself in the store. */
export interface SavedProjection {
  current(): Promise<unknown>;
  save(always: boolean): Promise<void>;
}

/** Where traces of a run are, beside its log. */
export interface Traces {
  readonly references: Projector<BlobReferences>;
  readonly summaries: Projector<RunSummaries>;
  readonly views: readonly SavedProjection[];
}

/**
 * Removes the run: its blobs unless other runs have equal ones, its log, its inbox unless a run that goes
 * on for it uses it, its ticket and timer, and what saved projections know of it. True if there was such a
 * run. When it is cut short, call it again: it goes on where it was. Whether anybody needs the run is the
 * caller's to know.
 */
export async function deleteTraces(
  engine: Engine,
  journal: Journal,
  run: string,
  { references, summaries, views }: Traces,
): Promise<boolean> {
  const { log, inbox, queue, blobs } = engine.store;
  const view = await summaries.current();
  const summary = view.get(run);
  // The inbox of a chain is that of its first run: what is in there is for the one that lives.
  const isShared = summary !== undefined && livesOn(view, summary);
  // Before the log and the mail go, which alone know them.
  const known = { references: await references.current(), summaries: view };
  for (const blob of await blobsOnlyOf(engine, run, known, isShared)) {
    const bytes = await blobs.get(blob);
    await blobs.delete(blob);
    // Another run may have recorded the same bytes since, and found them there.
    const shared = !isOnlyOf(run, (await references.current()).get(blob));
    if (shared && bytes !== undefined) await blobs.put(bytes);
  }
  const removed = await log.erase(run);
  journal.forget(run);
  await queue.remove(run);
  const last = (await inbox.read(run, 0)).at(-1);
  if (last !== undefined && !isShared) await inbox.discard(run, last.position);
  for (const saved of [references, summaries, ...views]) {
    await saved.current();
    await saved.save(true);
  }
  return removed;
}
