/** What the cases about the work queue have in common: tickets, and claims that cannot hang. */

import assert from "node:assert/strict";
import { awaitedLater } from "../../kernel/async.ts";
import { pause } from "../../kernel/clock.ts";
import type { Claim, Ticket, WorkQueue } from "../../ports/work-queue.ts";
import { type CaseContext, contractLeaseMs } from "./contract.ts";

/** A ticket of `workflow` (default "flow"). */
export const ticket = (run: string, workflow = "flow"): Ticket => ({ workflow, run });

/** The runs of the claims, sorted: the order of delivery is not promised. */
export const runsOf = (claims: readonly Claim[]): readonly string[] =>
  claims.map((claim) => claim.ticket.run).sort();

/** A claim that ends by itself. */
export interface ClaimWish {
  /** Default: "flow" only. */
  readonly workflows?: readonly string[];
  /** Default 1. */
  readonly max?: number;
  /** When to stop waiting; default 20,000 ms. */
  readonly ms?: number;
}

/** Claims until there is something or the time is over. */
export const claimWithin = (
  context: CaseContext,
  queue: WorkQueue,
  wish: ClaimWish = {},
): Promise<readonly Claim[]> => awaitedLater(claimUntil(context, queue, wish));

async function claimUntil(
  { clock, within }: CaseContext,
  queue: WorkQueue,
  { workflows = ["flow"], max = 1, ms = 20_000 }: ClaimWish,
): Promise<readonly Claim[]> {
  const [over, done] = [new AbortController(), new AbortController()];
  const timer = pause(clock, ms, done.signal).then(() => over.abort());
  const claims = await within(
    "the end of a claim that is over",
    queue.claim({ workflows, max, signal: over.signal }),
    ms + 8_000,
  );
  done.abort();
  await timer;
  return claims;
}

/** Waits for exactly one claim. */
export const claimOne = (
  context: CaseContext,
  queue: WorkQueue,
  workflows: readonly string[] = ["flow"],
): Promise<Claim> =>
  awaitedLater(
    claimWithin(context, queue, { workflows }).then((claims) => {
      const [claim] = claims;
      assert.ok(claim && claims.length === 1, `${claims.length} claims where one was due`);
      return claim;
    }),
  );

/** How long "not claimable" is looked at: well under the lease, well over the 0.3 s of lateness. */
const LOOK_MS = 450;

/** Nothing is claimable, and nothing becomes so for a moment. */
export async function nothing(
  context: CaseContext,
  queue: WorkQueue,
  workflows: readonly string[] = ["flow"],
): Promise<void> {
  const claims = await claimWithin(context, queue, { workflows, max: 10, ms: LOOK_MS });
  assert.deepEqual(runsOf(claims), [], "tickets were claimable");
}

/** How often a case whose point is "before the lease ends" may find that it was too slow itself. */
const TRIES = 5;

/**
 * Runs `attempt` until one try took less than a lease: what a slower one saw, or failed for, may be the doing
 * of the lease's end. Each try has a workflow of its own, which
 * its runs are named after too.
 */
export async function withinLease(
  { clock }: CaseContext,
  attempt: (workflow: string) => Promise<void>,
): Promise<void> {
  let fault: unknown;
  for (let nth = 1; nth <= TRIES; nth += 1) {
    const began = clock.mono();
    fault = undefined;
    await attempt(`try-${nth}`).catch((error: unknown) => {
      fault = error;
    });
    if (clock.mono() - began >= contractLeaseMs) continue;
    if (fault !== undefined) throw fault;
    return;
  }
  throw fault ?? new Error(`each of ${TRIES} tries took longer than the lease`);
}
