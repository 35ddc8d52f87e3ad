/** Where a run comes from, and which runs branched off it. */
import type { Engine } from "../../engine/engine.ts";
import type { Projector } from "../../engine/reading/projector.ts";
import type { RunSummaries } from "../../projections/run-summary.ts";
import { existingRun } from "../existing-run.ts";

/** A run that another branched off, or that branched off another, and the last event in common. */
export interface Branching {
  readonly run: string;
  readonly seq: number;
}

/** The runs that a run is related to by forks. */
export interface Lineage {
  readonly run: string;
  /** What it branched off, what that branched off …: the nearest first. */
  readonly ancestors: readonly Branching[];
  /** What branched off it directly, the oldest first. */
  readonly forks: readonly Branching[];
}

/** See `Client.lineage`. */
export async function lineageOf(
  engine: Engine,
  summaries: Projector<RunSummaries>,
  run: string,
): Promise<Lineage> {
  await existingRun(engine, run);
  const all = await summaries.current();
  const ancestors: Branching[] = [];
  for (let at = all.get(run)?.forkOf; at; at = all.get(at.run)?.forkOf) ancestors.push({ ...at });
  const forks: Branching[] = [];
  for (const { run: fork, forkOf } of all.values()) {
    if (forkOf?.run === run) forks.push({ run: fork, seq: forkOf.seq });
  }
  return { run, ancestors, forks };
}
