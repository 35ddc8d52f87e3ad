/**
 * A process is gone for certain: the runs that it hosted go on elsewhere now, not when its leases have
 * run out. Whoever hosts them next is decided as always, by who claims their tickets.
 */
import { hasEnded, type RunSummaries, type RunSummary } from "../projections/run-summary.ts";
import type { Engine } from "./engine.ts";
import type { Projector } from "./projector.ts";

/** What is known here. */
export interface TakeOverOptions {
  readonly engine: Engine;
  readonly summaries: Projector<RunSummaries>;
  /** Whether this process could host further runs right now. */
  hasRoom(): boolean;
}

/** A run that waits for its first host this long, though there is room, waits for one that is gone (ms). */
const UNCLAIMED_MS = 300;

/** Gives the runs of a node that is gone their tickets back. Returns how many that were. */
export async function takeOver(options: TakeOverOptions, node: string): Promise<number> {
  const { engine, summaries } = options;
  const { queue } = engine.store;
  const now = engine.world.clock.now();
  const live = [...(await summaries.current()).values()].filter((one) => !hasEnded(one));
  const left = live.filter((one) => one.node === node);
  const tickets = left.map(async ({ workflow, run, lease }) => {
    if (lease !== null) await queue.reclaim(lease);
    await queue.offer({ workflow, run });
  });
  await Promise.all(tickets);
  const unclaimed = options.hasRoom() ? live.filter((one) => isUnclaimed(one, now)) : [];
  await Promise.all(
    unclaimed.map(async ({ workflow, run }) => {
      // Nobody can give back a claim that no log tells of. Another ticket does no harm.
      await queue.remove(run);
      await queue.offer({ workflow, run });
    }),
  );
  return left.length + unclaimed.length;
}

/** Whoever was given its ticket has not written anything for too long. */
const isUnclaimed = ({ status, createdAt, driven }: RunSummary, now: number): boolean =>
  status === "pending" && !driven && now - createdAt >= UNCLAIMED_MS;
