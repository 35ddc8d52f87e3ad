/** Work queue: tickets with a time. Never early; how late is not measured here. */
import assert from "node:assert/strict";
import type { WorkQueue } from "../../ports/work-queue.ts";
import { type CaseContext, type ContractCase, contractLeaseMs } from "./contract.ts";
import { claimOne, nothing, ticket } from "./work-queue-contract-kit.ts";

const HOUR = 3_600_000;
/** Beyond what a 32-bit timer can wait. */
const SIXTY_DAYS = 60 * 24 * HOUR;
/** Soon enough to wait for, and far enough to be seen waiting. */
const SOON_MS = 700;

/** The ticket of `run` is claimed next, and not before `at`. */
async function comesAt(
  context: CaseContext,
  queue: WorkQueue,
  run: string,
  at: number,
): Promise<void> {
  const claim = await claimOne(context, queue);
  const early = at - context.clock.now();
  assert.equal(claim.ticket.run, run);
  assert.ok(early <= 0, `${early} ms too early`);
  await claim.ack();
}

const offers: readonly ContractCase[] = [
  {
    name: "a ticket with a time is not claimable before it, and is from then on",
    async run(context) {
      const { queue } = await context.open();
      const at = context.clock.now() + SOON_MS;
      await queue.offer(ticket("later"), at);
      await queue.offer(ticket("now"));
      const claim = await claimOne(context, queue);
      assert.equal(claim.ticket.run, "now");
      await claim.ack();
      await comesAt(context, queue, "later", at);
      await nothing(context, queue);
    },
  },
  {
    name: "a time in the past means now",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("a"), context.clock.now() - HOUR);
      await (await claimOne(context, queue)).ack();
      await queue.offer(ticket("b"), 0);
      assert.equal((await claimOne(context, queue)).ticket.run, "b");
    },
  },
  {
    name: "a time far away does not come early",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("a"), context.clock.now() + SIXTY_DAYS);
      await queue.offer(ticket("b"), context.clock.now() + HOUR);
      await nothing(context, queue);
    },
  },
  {
    name: "tickets with times come in the order of their times",
    async run(context) {
      const { queue } = await context.open();
      const now = context.clock.now();
      await queue.offer(ticket("second"), now + 2 * SOON_MS);
      await queue.offer(ticket("first"), now + SOON_MS);
      await comesAt(context, queue, "first", now + SOON_MS);
      await comesAt(context, queue, "second", now + 2 * SOON_MS);
    },
  },
  {
    name: "20 tickets of one time all come, once each",
    async run(context) {
      const { queue } = await context.open();
      const at = context.clock.now() + SOON_MS;
      const runs = Array.from({ length: 20 }, (_, nth) => `run-${nth}`);
      await Promise.all(runs.map((run) => queue.offer(ticket(run), at)));
      const taken = new Set<string>();
      while (taken.size < runs.length) {
        const claim = await claimOne(context, queue);
        assert.ok(context.clock.now() >= at);
        assert.ok(!taken.has(claim.ticket.run), `${claim.ticket.run} came twice`);
        taken.add(claim.ticket.run);
        await claim.ack();
      }
    },
  },
  {
    name: "a claim that waits already is given the ticket when its time comes",
    requires: ["shared"],
    async run(context) {
      const { queue } = await context.open();
      const { queue: other } = await context.peer();
      const waiting = claimOne(context, queue);
      const at = context.clock.now() + SOON_MS;
      await other.offer(ticket("a"), at);
      const claim = await waiting;
      assert.equal(claim.ticket.run, "a");
      assert.ok(context.clock.now() >= at);
    },
  },
  {
    name: "tickets with times survive reopening",
    requires: ["durable"],
    async run(context) {
      const store = await context.open();
      const at = context.clock.now() + SOON_MS;
      await store.queue.offer(ticket("soon"), at);
      await store.queue.offer(ticket("far"), at + HOUR);
      const { queue } = await context.reopen(store);
      await comesAt(context, queue, "soon", at);
      await nothing(context, queue);
      await queue.offer(ticket("far"));
      assert.equal((await claimOne(context, queue)).ticket.run, "far");
    },
  },
];

const moves: readonly ContractCase[] = [
  {
    name: "an offer without a time brings a waiting ticket forward, and it comes once",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("a"), context.clock.now() + SOON_MS);
      await queue.offer(ticket("a"));
      await (await claimOne(context, queue)).ack();
      await context.sleep(SOON_MS);
      await nothing(context, queue);
    },
  },
  {
    name: "an offer with an earlier time brings a waiting ticket forward",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("a"), context.clock.now() + SIXTY_DAYS);
      const at = context.clock.now() + SOON_MS;
      await queue.offer(ticket("a"), at);
      await comesAt(context, queue, "a", at);
      await nothing(context, queue);
    },
  },
  {
    name: "an offer with a later time puts nothing off",
    async run(context) {
      const { queue } = await context.open();
      const at = context.clock.now() + SOON_MS;
      await queue.offer(ticket("a"), at);
      await queue.offer(ticket("a"), at + HOUR);
      await queue.offer(ticket("b"));
      await queue.offer(ticket("b"), at + HOUR);
      const claim = await claimOne(context, queue);
      assert.equal(claim.ticket.run, "b");
      await claim.ack();
      await comesAt(context, queue, "a", at);
    },
  },
];

const releases: readonly ContractCase[] = [
  {
    name: "a ticket released until a time is claimable from then on, and not before",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("a"));
      const at = context.clock.now() + SOON_MS;
      await (await claimOne(context, queue)).release(at);
      await comesAt(context, queue, "a", at);
    },
  },
  {
    name: "a ticket released until a time in the past is claimable at once",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("a"));
      await (await claimOne(context, queue)).release(context.clock.now() - HOUR);
      assert.equal((await claimOne(context, queue)).ticket.run, "a");
    },
  },
  {
    name: "a ticket released for long outlives its lease, stays one, and is brought forward",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("a"));
      await (await claimOne(context, queue)).release(context.clock.now() + SIXTY_DAYS);
      await context.sleep(contractLeaseMs);
      await nothing(context, queue);
      await queue.offer(ticket("a"));
      await (await claimOne(context, queue)).ack();
      await nothing(context, queue);
    },
  },
];

/** A part of `workQueueContract`. */
export const workQueueTimeContract: readonly ContractCase[] = [...offers, ...moves, ...releases];
