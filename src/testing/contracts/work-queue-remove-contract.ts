/** Work queue: what removing the ticket of a run promises. */
import assert from "node:assert/strict";
import type { ContractCase } from "./contract.ts";
import { claimOne, nothing, runsOf, ticket, withinLease } from "./work-queue-contract-kit.ts";

/** A part of `workQueueContract`. */
export const workQueueRemoveContract: readonly ContractCase[] = [
  {
    name: "a removed ticket is given to nobody, and the others stay",
    async run(context) {
      const { queue } = await context.open();
      await withinLease(context, async (workflow) => {
        const runs = ["a", "b", "ab"].map((name) => `${workflow}-${name}`);
        for (const run of runs) await queue.offer(ticket(run, workflow));
        await queue.remove(`${workflow}-a`);
        await queue.remove("missing");
        const claimNext = () => claimOne(context, queue, [workflow]);
        const claims = [await claimNext(), await claimNext()];
        assert.deepEqual(runsOf(claims), runs.slice(1).sort());
        await nothing(context, queue, [workflow]);
      });
    },
  },
  {
    name: "a ticket with a time that was removed does not come when its time does",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("a"), context.clock.now() + 200);
      await queue.offer(ticket("b"), context.clock.now() + 200);
      await queue.remove("a");
      assert.equal((await claimOne(context, queue)).ticket.run, "b");
      await nothing(context, queue);
    },
  },
  {
    name: "a claimed ticket that was removed does not come back when it is released",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("a"));
      const claim = await claimOne(context, queue);
      await queue.remove("a");
      await claim.release();
      await nothing(context, queue);
    },
  },
  {
    name: "a run whose ticket was removed can be offered again, under another workflow too",
    async run(context) {
      const { queue } = await context.open();
      await queue.offer(ticket("a"));
      await claimOne(context, queue);
      await queue.remove("a");
      await queue.offer(ticket("a", "other"));
      const claim = await claimOne(context, queue, ["other"]);
      assert.equal(claim.ticket.run, "a");
      await claim.ack();
    },
  },
  {
    name: "another process no longer sees a removed ticket",
    requires: ["shared"],
    async run(context) {
      const { queue } = await context.open();
      const { queue: other } = await context.peer();
      await queue.offer(ticket("a"));
      await other.remove("a");
      await nothing(context, queue);
    },
  },
];
