/** Removing a run with everything that was ever recorded of it. */
import type { Engine } from "../engine/engine.ts";
import type { Journal } from "../engine/journal.ts";
import type { Projector } from "../engine/projector.ts";
import { MillraceError } from "../kernel/errors.ts";
import type { BlobReferences } from "../projections/blob-references.ts";
import { livesOn, type RunSummaries } from "../projections/run-summary.ts";

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
 * run. When it is cut short, call it again: it goes on where it was.
 */
export async function deleteRun(
  engine: Engine,
  journal: Journal,
  run: string,
  { references, summaries, views }: Traces,
): Promise<boolean> {
  await refuseForked(summaries, run);
  const { log, inbox, queue, blobs } = engine.store;
  const view = await summaries.current();
  const summary = view.get(run);
  // The inbox of a chain is that of its first run: what is in there is for the one that lives.
  const isShared = summary !== undefined && livesOn(view, summary);
  // Before the log goes, which alone knows them.
  for (const blob of await ownBlobs(references, run)) {
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

/** @throws MillraceError `E_COMMAND_REFUSED` when other runs go on where this one was */
async function refuseForked(summaries: Projector<RunSummaries>, run: string): Promise<void> {
  const all = [...(await summaries.current()).values()];
  const forks = all.filter(({ forkOf }) => forkOf?.run === run).map((summary) => summary.run);
  if (forks.length === 0) return;
  throw new MillraceError(
    "E_COMMAND_REFUSED",
    `${forks.length} runs branched off run ${run} and need its events (${forks.slice(0, FORKS_LISTED).join(", ")}); delete them first`,
    { details: { run, forks } },
  );
}

/** In the message; the details have them all. */
const FORKS_LISTED = 5;

async function ownBlobs(references: Projector<BlobReferences>, run: string): Promise<string[]> {
  const view = await references.current();
  return Array.from(view, ([blob, runs]) => (isOnlyOf(run, runs) ? [blob] : [])).flat();
}

const isOnlyOf = (run: string, runs: ReadonlySet<string> | undefined): boolean =>
  runs?.size === 1 && runs.has(run);
