/**
 * A process is gone for certain: the runs that it hosted go on elsewhere now, not when its leases have
 * run out. Whoever hosts them next is decided as always, by who claims their tickets.
 */
import { pause } from "../../kernel/clock.ts";
import {
  awaitsAdmission,
  isHostable,
  type RunSummaries,
  type RunSummary,
} from "../../projections/run-summary.ts";
import type { Engine } from "../engine.ts";
import type { Projector } from "../reading/projector.ts";

/** What is known here. */
export interface TakeOverOptions {
  readonly engine: Engine;
  readonly summaries: Projector<RunSummaries>;
  /** Runs that this process hosts now, or is about to. */
  isHosted(run: string): boolean;
  /** Whether this process would be given a run of that workflow if there were one. */
  isWaitingFor(workflow: string): boolean;
}

/** So long nobody takes a ticket that this process is waiting for: somebody has it (ms). */
const UNCLAIMED_MS = 250;

/** Gives the runs of a node that is gone their tickets back. */
export async function takeOver(options: TakeOverOptions, node: string): Promise<void> {
  const { engine, summaries } = options;
  const { queue } = engine.store;
  const left = [...(await summaries.current()).values()].filter(
    (one) => one.node === node && isHostable(one),
  );
  const tickets = left.map(async ({ workflow, run, lease }) => {
    if (lease !== null) await queue.reclaim(lease);
    await queue.offer({ workflow, run });
  });
  await Promise.all(tickets);
  await offerUnclaimed(options);
}

/**
 * A process that dies right after it was given a run's first ticket has written nothing: no log tells of
 * its claim, and nobody can give it back. Such runs are offered anew. Returns how many there were.
 */
export async function offerUnclaimed(options: TakeOverOptions): Promise<number> {
  const { engine, summaries } = options;
  const { queue } = engine.store;
  const before = [...(await summaries.current()).values()]
    .filter((one) => isUnclaimed(options, one))
    .map(({ run }) => run);
  if (before.length === 0) return 0;
  await pause(engine.world.clock, UNCLAIMED_MS);
  const now = await summaries.current();
  const still = before.flatMap((run) => now.get(run) ?? []);
  const unclaimed = still.filter((one) => isUnclaimed(options, one));
  await Promise.all(
    unclaimed.map(async ({ workflow, run }) => {
      await queue.remove(run);
      await queue.offer({ workflow, run });
    }),
  );
  return unclaimed.length;
}

/** Whoever begins a fork may take it back at once, while its origin is being erased. */
const CONFIRM_MS = 5_000;

/** A fork that was just begun, and may not stay: only its beginner gives it its first ticket. */
export const mayBeTakenBack = (
  { forkOf, status, createdAt }: RunSummary,
  { world }: Engine,
): boolean => forkOf !== null && status === "pending" && createdAt > world.clock.now() - CONFIRM_MS;

const isUnclaimed = (options: TakeOverOptions, summary: RunSummary): boolean => {
  if (mayBeTakenBack(summary, options.engine)) return false;
  const { status, run, workflow } = summary;
  if (status !== "pending" || !isHostable(summary) || awaitsAdmission(summary)) return false;
  return !options.isHosted(run) && options.isWaitingFor(workflow);
};
