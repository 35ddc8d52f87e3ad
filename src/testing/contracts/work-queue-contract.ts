/** The contract of `WorkQueue`: tickets, and claims of them under a lease. */
import assert from "node:assert/strict";
import { encode, everyByte } from "./contents.ts";
import type { ContractCase } from "./contract.ts";
import { refuses } from "./event-log-contract-kit.ts";
import { workQueueClaimContract } from "./work-queue-claim-contract.ts";
import {
  claimOne,
  claimWithin,
  nothing,
  runsOf,
  ticket,
  withinLease,
} from "./work-queue-contract-kit.ts";
import { workQueueRemoveContract } from "./work-queue-remove-contract.ts";
import { workQueueTimeContract } from "./work-queue-time-contract.ts";

const offering: readonly ContractCase[] = [
  {
    name: "an offered ticket is claimed with its workflow and run",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("a"));
      const claim = await claimOne(context, queue);
      assert.deepEqual([claim.ticket.workflow, claim.ticket.run], ["flow", "a"]);
      assert.equal(typeof claim.token, "string");
    },
  },
  {
    name: "a claim waits until a ticket is offered",
    async run(context) {
      const { queue } = await context.open();
      const claiming = claimOne(context, queue);
      await context.sleep(50);
      await queue.offer(ticket("a"));
      assert.equal((await claiming).ticket.run, "a");
    },
  },
  {
    name: "a run has at most one ticket, however often and however concurrently it is offered",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("a"));
      await Promise.all(Array.from({ length: 20 }, () => queue.offer(ticket("a"))));
      await (await claimOne(context, queue)).ack();
      await nothing(context, queue);
    },
  },
  {
    name: "offering for a run whose ticket is claimed changes nothing",
    async run(context) {
      const { queue } = await context.open();
      await withinLease(context, async (workflow) => {
        const held = ticket(`${workflow}-a`, workflow);
        await queue.offer(held);
        const claim = await claimOne(context, queue, [workflow]);
        await queue.offer(held);
        await queue.offer(held, context.clock.now() + 50);
        await nothing(context, queue, [workflow]);
        assert.equal(await claim.extend(), true);
        await claim.ack();
        await nothing(context, queue, [workflow]);
      });
    },
  },
  {
    name: "after an ack the run can be offered again",
    async run(context) {
      const { queue } = await context.open();
      for (let round = 0; round < 5; round += 1) {
        await queue.offer(ticket("a"));
        await (await claimOne(context, queue)).ack();
      }
      await nothing(context, queue);
    },
  },
  {
    name: "a claimed ticket has the hint it was offered with, or none",
    async run(context) {
      const { queue } = await context.open();
      const hint = { position: 7, bytes: everyByte() };
      await queue.offer({ ...ticket("a"), hint });
      const got = (await claimOne(context, queue)).ticket.hint;
      if (got === undefined) return;
      assert.equal(got.position, 7);
      assert.equal(Buffer.compare(got.bytes, hint.bytes), 0);
    },
  },
  {
    name: "a hint of 200 KiB does no harm",
    async run(context) {
      const { queue } = await context.open();
      const bytes = new Uint8Array(200 * 1024).fill(7);
      await queue.offer({ ...ticket("a"), hint: { position: 1, bytes } });
      await (await claimOne(context, queue)).release();
      const claim = await claimOne(context, queue);
      assert.equal(claim.ticket.run, "a");
      assert.equal(claim.ticket.hint?.bytes.byteLength ?? bytes.byteLength, bytes.byteLength);
    },
  },
];

const choosing: readonly ContractCase[] = [
  {
    name: "only tickets of the named workflows are given",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("a", "flow"));
      await queue.offer(ticket("b", "other"));
      await queue.offer(ticket("c", "third"));
      await nothing(context, queue, ["flo", "flow2", "fourth"]);
      assert.equal((await claimOne(context, queue, ["other"])).ticket.run, "b");
      const rest = [
        await claimOne(context, queue, ["flow", "third"]),
        await claimOne(context, queue, ["flow", "third"]),
      ];
      assert.deepEqual(runsOf(rest), ["a", "c"]);
    },
  },
  {
    name: "a claim for several workflows, one unheard of, is woken by a ticket of any",
    async run(context) {
      const { queue } = await context.open();
      const claiming = claimOne(context, queue, ["flow", "brand-new"]);
      await context.sleep(50);
      await queue.offer(ticket("a", "brand-new"));
      assert.equal((await claiming).ticket.run, "a");
    },
  },
  {
    name: "no more than `max` tickets are given at once, and the others stay",
    async run(context) {
      const { queue } = await context.open();
      for (const run of ["a", "b", "c", "d", "e"]) await queue.offer(ticket(run));
      const taken: string[] = [];
      while (taken.length < 5) {
        const claims = await claimWithin(context, queue, { max: 2 });
        assert.ok(claims.length === 1 || claims.length === 2, `${claims.length} claims`);
        taken.push(...runsOf(claims));
        for (const claim of claims) await claim.ack();
      }
      assert.deepEqual(taken.sort(), ["a", "b", "c", "d", "e"]);
    },
  },
  {
    name: "200 tickets are given once each",
    async run(context) {
      const { queue } = await context.open();
      const runs = Array.from({ length: 200 }, (_, nth) => `run-${nth}`);
      await Promise.all(runs.map((run) => queue.offer(ticket(run))));
      const taken: string[] = [];
      while (taken.length < runs.length) {
        const claims = await claimWithin(context, queue, { max: 50 });
        assert.ok(claims.length > 0, `only ${taken.length} of ${runs.length} came`);
        taken.push(...runsOf(claims));
        await Promise.all(claims.map((claim) => claim.ack()));
      }
      assert.deepEqual(taken.sort(), runs.sort());
      await nothing(context, queue);
    },
  },
];

const lifetime: readonly ContractCase[] = [
  {
    name: "tickets, also claimed ones, are there after reopening",
    requires: ["durable"],
    async run(context) {
      const store = await context.open();
      await store.queue.offer(ticket("held"));
      const held = await claimOne(context, store.queue);
      assert.equal(held.ticket.run, "held");
      await store.queue.offer(ticket("waiting"));
      await store.queue.offer(ticket("done", "other"));
      await (await claimOne(context, store.queue, ["other"])).ack();
      const { queue } = await context.reopen(store);
      const claims = [await claimOne(context, queue), await claimOne(context, queue)];
      assert.deepEqual(runsOf(claims), ["held", "waiting"]);
      await nothing(context, queue, ["other"]);
    },
  },
  {
    name: "close ends a waiting claim, empty or with E_STORE_CLOSED",
    async run(context) {
      const { queue } = await context.open();
      const signal = new AbortController().signal;
      const claiming = queue.claim({ workflows: ["flow"], max: 1, signal }).catch((error) => {
        assert.equal((error as { code?: unknown }).code, "E_STORE_CLOSED");
        return [];
      });
      await context.sleep(20);
      await queue.close();
      assert.deepEqual(await context.within("the end of a waiting claim", claiming), []);
    },
  },
  {
    name: "after close every call rejects with E_STORE_CLOSED",
    async run(context) {
      const { queue } = await context.open();
      await queue.close();
      const { signal } = new AbortController();
      await refuses("E_STORE_CLOSED", queue.offer(ticket("a")));
      await refuses("E_STORE_CLOSED", queue.claim({ workflows: ["flow"], max: 1, signal }));
      await refuses("E_STORE_CLOSED", queue.reclaim("token"));
    },
  },
  {
    name: "bytes of a hint that the offerer changes afterwards do not change the ticket",
    async run(context) {
      const { queue } = await context.open();
      const bytes = encode("intact");
      await queue.offer({ ...ticket("a"), hint: { position: 1, bytes } });
      bytes.fill(0);
      const got = (await claimOne(context, queue)).ticket.hint;
      if (got !== undefined) assert.equal(Buffer.compare(got.bytes, encode("intact")), 0);
    },
  },
];

/** All cases about tickets and claims. */
export const workQueueContract: readonly ContractCase[] = [
  ...offering,
  ...choosing,
  ...workQueueClaimContract,
  ...workQueueTimeContract,
  ...workQueueRemoveContract,
  ...lifetime,
];
