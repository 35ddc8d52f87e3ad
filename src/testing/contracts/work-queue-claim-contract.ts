/** Work queue: what a claim promises: its lease, and the ways it ends. */

import assert from "node:assert/strict";
import { awaitedLater } from "../../kernel/async.ts";
import type { WorkQueue } from "../../ports/work-queue.ts";
import { type ContractCase, contractLeaseMs } from "./contract.ts";
import {
  claimOne,
  claimWithin,
  nothing,
  runsOf,
  ticket,
  withinLease,
} from "./work-queue-contract-kit.ts";

const leases: readonly ContractCase[] = [
  {
    name: "a claimed ticket is given to nobody else while its lease lasts",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("a"));
      const began = context.clock.mono();
      assert.equal((await claimOne(context, queue)).ticket.run, "a");
      const claims = await claimWithin(context, queue, { ms: contractLeaseMs / 2 });
      const passed = context.clock.mono() - began;
      assert.ok(claims.length === 0 || passed >= contractLeaseMs, `given twice in ${passed} ms`);
    },
  },
  {
    name: "an unextended claim becomes claimable again after the lease, time after time",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("a"));
      for (let round = 0; round < 3; round += 1)
        assert.equal((await claimOne(context, queue)).ticket.run, "a");
    },
  },
  {
    name: "an extended claim is kept for longer than the lease",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("a"));
      let last = context.clock.mono();
      let longest = 0;
      const claim = await claimOne(context, queue);
      const stealing = claimWithin(context, queue, { ms: 2.5 * contractLeaseMs });
      for (let beat = 0; beat < 14; beat += 1) {
        await context.sleep(contractLeaseMs / 5);
        const began = context.clock.mono();
        const kept = await claim.extend();
        longest = Math.max(longest, context.clock.mono() - last);
        last = began;
        assert.ok(kept || longest >= contractLeaseMs, "extend said false within the lease");
      }
      const stolen = await stealing;
      assert.ok(stolen.length === 0 || longest >= contractLeaseMs, "given to another meanwhile");
    },
  },
  {
    name: "extend says false once the lease ran out and another has the ticket",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("a"));
      const lost = await claimOne(context, queue);
      const holder = await claimOne(context, queue);
      assert.equal(holder.ticket.run, "a");
      assert.equal(await lost.extend(), false);
    },
  },
  {
    name: "a ticket whose holder let its lease run out is given to another process",
    requires: ["shared"],
    async run(context) {
      const { queue } = await context.open();
      const { queue: other } = await context.peer();
      await queue.offer(ticket("a"));
      const lost = await claimOne(context, queue);
      const holder = await claimOne(context, other);
      assert.equal(await lost.extend(), false);
      await holder.ack();
      await nothing(context, queue);
    },
  },
];

const endings: readonly ContractCase[] = [
  {
    name: "an acked ticket does not come back when the lease would have ended",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("a"));
      await (await claimOne(context, queue)).ack();
      assert.deepEqual(await claimWithin(context, queue, { ms: 1.5 * contractLeaseMs }), []);
    },
  },
  {
    name: "a released ticket is claimable at once",
    async run(context) {
      const { queue } = await context.open();
      await withinLease(context, async (workflow) => {
        await queue.offer(ticket(`${workflow}-a`, workflow));
        await (await claimOne(context, queue, [workflow])).release();
        await (await claimOne(context, queue, [workflow])).ack();
      });
    },
  },
  {
    name: "a ticket can be released any number of times, and stays one",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("a"));
      for (let round = 0; round < 20; round += 1) {
        const claims = await claimWithin(context, queue, { max: 10 });
        assert.deepEqual(runsOf(claims), ["a"]);
        await claims[0]?.release();
      }
    },
  },
  {
    name: "a released ticket is claimable by another process that waits",
    requires: ["shared"],
    async run(context) {
      const { queue } = await context.open();
      const { queue: other } = await context.peer();
      await queue.offer(ticket("a"));
      const claim = await claimOne(context, queue);
      const waiting = claimOne(context, other);
      await context.sleep(50);
      await claim.release();
      assert.equal((await waiting).ticket.run, "a");
    },
  },
];

const waits: readonly ContractCase[] = [
  {
    name: "an aborted claim resolves with nothing",
    async run(context) {
      const { queue } = await context.open();
      await nothing(context, queue);
      const request = { workflows: ["flow"], max: 1, signal: AbortSignal.abort() };
      assert.deepEqual(await context.within("an aborted claim", queue.claim(request)), []);
    },
  },
  {
    name: "an aborted claim swallows no ticket that is offered later",
    async run(context) {
      const { queue } = await context.open();
      for (let round = 0; round < 3; round += 1) {
        await claimWithin(context, queue, { ms: 20 });
        await queue.offer(ticket(`run-${round}`));
        const claim = await claimOne(context, queue);
        assert.equal(claim.ticket.run, `run-${round}`);
        await claim.ack();
      }
    },
  },
  {
    name: "a ticket offered while a claim is being aborted is claimed by it or by the next",
    async run(context) {
      const { queue } = await context.open();
      for (let round = 0; round < 10; round += 1) {
        const control = new AbortController();
        const request = { workflows: ["flow"], max: 1, signal: control.signal };
        const claiming = awaitedLater(queue.claim(request));
        const offering = queue.offer(ticket(`run-${round}`));
        control.abort();
        await offering;
        const got = await context.within("an aborted claim", claiming);
        const [claim] = got.length > 0 ? got : [await claimOne(context, queue)];
        assert.equal(claim?.ticket.run, `run-${round}`);
        await claim?.ack();
      }
    },
  },
  {
    name: "two claims that wait are given two tickets, one each",
    async run(context) {
      const { queue } = await context.open();
      const waiting = [claimOne(context, queue), claimOne(context, queue)];
      await context.sleep(50);
      await Promise.all([queue.offer(ticket("a")), queue.offer(ticket("b"))]);
      assert.deepEqual(runsOf(await Promise.all(waiting)), ["a", "b"]);
    },
  },
  {
    name: "two processes that claim are given each ticket once",
    requires: ["shared"],
    async run(context) {
      const queues = [(await context.open()).queue, (await context.peer()).queue];
      const runs = Array.from({ length: 60 }, (_, nth) => `run-${nth}`);
      const taken: string[] = [];
      const left = new Set(runs);
      const began = context.clock.mono();
      const drain = async (queue: WorkQueue): Promise<void> => {
        while (left.size > 0 && context.clock.mono() < began + 20_000)
          for (const claim of await claimWithin(context, queue, { max: 5, ms: 200 })) {
            taken.push(claim.ticket.run);
            left.delete(claim.ticket.run);
            await claim.ack();
          }
      };
      const draining = awaitedLater(Promise.all(queues.map(drain)));
      await Promise.all(runs.map((run, nth) => queues[nth % 2]?.offer(ticket(run))));
      await draining;
      assert.deepEqual([...left], []);
      const passed = context.clock.mono() - began;
      if (passed < contractLeaseMs) assert.deepEqual(taken.sort(), runs.sort());
    },
  },
];

const reclaiming: readonly ContractCase[] = [
  {
    name: "a claim reclaimed by another process is claimable at once, and lost to its holder",
    requires: ["shared"],
    async run(context) {
      const { queue } = await context.open();
      const { queue: other } = await context.peer();
      await withinLease(context, async (workflow) => {
        await queue.offer(ticket(`${workflow}-a`, workflow));
        const dead = await claimOne(context, queue, [workflow]);
        await other.reclaim(dead.token);
        const taken = await claimOne(context, other, [workflow]);
        assert.equal(taken.ticket.run, dead.ticket.run);
        assert.equal(await dead.extend(), false);
        await taken.ack();
      });
    },
  },
  {
    name: "reclaiming by an unknown token, or by that of an acked claim, does nothing",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("done"));
      const done = await claimOne(context, queue);
      await done.ack();
      await withinLease(context, async (workflow) => {
        await queue.offer(ticket(`${workflow}-held`, workflow));
        const held = await claimOne(context, queue, [workflow]);
        for (const token of ["", "nonsense", "a b", "*", ">", "$JS.ACK.x.y.1.1.1.1.0", done.token])
          await queue.reclaim(token);
        await nothing(context, queue, [workflow]);
        assert.equal(await held.extend(), true);
      });
    },
  },
];

/** A part of `workQueueContract`. */
export const workQueueClaimContract: readonly ContractCase[] = [
  ...leases,
  ...endings,
  ...waits,
  ...reclaiming,
];
