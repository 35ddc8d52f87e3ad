/** What the cases about the work queue have in common: tickets, and claims that cannot hang. */

import assert from "node:assert/strict";
import { awaitedLater } from "../../kernel/async.ts";
import { pause } from "../../kernel/clock.ts";
import type { Claim, Ticket, WorkQueue } from "../../ports/work-queue.ts";
import type { CaseContext } from "./contract.ts";

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
  /** When to stop waiting; default 8,000 ms. */
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
  { workflows = ["flow"], max = 1, ms = 8_000 }: ClaimWish,
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
