/**
 * The large values that go with a run. Blobs are stored by digest, so others may refer to the same ones: runs
 * that have recorded them, and unread mail, of which no view tells.
 */

import type { Engine } from "../engine/engine.ts";
import { inboxOf } from "../engine/hosting/chain.ts";
import { keptForKey } from "../engine/turn/correlated.ts";
import { decodeInput, valueOfInput } from "../engine/turn/input.ts";
import { openFrame } from "../events/frame.ts";
import { isMillraceError } from "../kernel/errors.ts";
import { type BlobReferences, blobsOf } from "../projections/blob-references.ts";
import { hasEnded, type RunSummaries, type RunSummary } from "../projections/run-summary.ts";

/** What is known of all runs. */
export interface KnownRuns {
  readonly references: BlobReferences;
  readonly summaries: RunSummaries;
}

/**
 * Blobs that only this run refers to, by its events or by mail that it has not read.
 * @param isShared its inbox is that of a run that lives
 */
export async function blobsOnlyOf(
  engine: Engine,
  run: string,
  { references, summaries }: KnownRuns,
  isShared: boolean,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const [blob, runs] of references) if (isOnlyOf(run, runs)) found.add(blob);
  const mailed = await takenFromMail(engine, run);
  const unread = isShared ? new Set<string>() : await blobsInMail(engine, run, 0);
  for (const blob of unread) if (isOnlyOf(run, references.get(blob))) found.add(blob);
  const summary = summaries.get(run);
  // A signal may be for many runs, and the parent has its child's output before it has read of it.
  const isTold = mailed.size + unread.size > 0;
  const parent = summary?.parent == null ? undefined : summaries.get(summary.parent.run);
  const others = isTold ? summaries.values() : parent === undefined ? [] : [parent];
  for (const other of [...others].filter((one) => one.run !== run && !hasEnded(one))) {
    for (const blob of await blobsInMail(engine, inboxOf(other.run, chainOf(other)), other.inbox)) {
      found.delete(blob);
    }
  }
  if (!isTold || summary?.correlation == null) return found;
  for await (const signal of keptForKey(engine, summary.correlation)) {
    for (const blob of blobsOf(signal.payload)) found.delete(blob);
  }
  return found;
}

/** Whether no other run has recorded it. */
export const isOnlyOf = (run: string, runs: ReadonlySet<string> | undefined): boolean =>
  runs === undefined || (runs.size === 1 && runs.has(run));

const chainOf = ({ chain }: RunSummary) => ({
  chain: chain === null ? null : { ...chain, taken: [] },
});

/** Large values of signals that the run has taken: others may have the same ones before them. */
async function takenFromMail(engine: Engine, run: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for await (const { bytes } of engine.store.log.read({ run })) {
    try {
      for (const event of openFrame(run, bytes, engine.codecs).frame.events) {
        if (event.type !== "signal.received") continue;
        for (const blob of blobsOf(event.payload)) found.add(blob);
      }
    } catch (error) {
      // What cannot be read refers to nothing.
      if (!isMillraceError(error, "E_FRAME_INVALID")) throw error;
    }
  }
  return found;
}

async function blobsInMail(
  { store }: Engine,
  inbox: string,
  after: number,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const { bytes } of await store.inbox.read(inbox, after)) {
    const value = valueOfInput(decodeInput(bytes));
    for (const blob of value === undefined ? [] : blobsOf(value)) found.add(blob);
  }
  return found;
}
