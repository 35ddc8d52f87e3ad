// Times of tickets that change hands: an offer, a holder and the server's own scheduler touch one timer at once.
// What one of them would do to the other's is done here between two of its requests.
import { headers } from "@nats-io/transport-node";
import { expect, it, onTestFinished } from "vitest";
import { connectTo } from "../../src/adapters/nats/connect.ts";
import { Link } from "../../src/adapters/nats/link.ts";
import { subjectsOf } from "../../src/adapters/nats/subjects.ts";
import { natsWorkQueue } from "../../src/adapters/nats/work-queue.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import type { Claim, WorkQueue } from "../../src/ports/work-queue.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { freshNamespace, openNats } from "../support/nats-store.ts";
import { operator } from "./nats-kit.ts";

const url = sharedNatsServer();
const HOUR = 3_600_000;
const ticket = { workflow: "flow", run: "a" };
const clock = systemClock();

async function claimOne(queue: WorkQueue): Promise<Claim> {
  const signal = new AbortController().signal;
  const [claim] = await queue.claim({ workflows: ["flow"], max: 1, signal });
  if (claim === undefined) throw new Error("a claim without a ticket");
  return claim;
}

/** A queue of the namespace; `before` is done before each of its requests whose subject or body begins like that. */
async function queueOf(namespace: string, what: string, before: () => Promise<void>) {
  const links = await Promise.all(
    ["writing", "reading"].map(async (name) => {
      const connection = await connectTo(url(), {}, name, { clock, random: systemRandom });
      return new Link(connection, clock, systemRandom);
    }),
  );
  const [writing, reading] = links as [Link, Link];
  const send = writing.requests.send.bind(writing.requests);
  writing.requests.send = async (subject, body, options) => {
    if (subject.startsWith(what) || body === what) await before();
    return send(subject, body, options);
  };
  const subjects = subjectsOf(namespace);
  const restore = async (): Promise<void> => undefined;
  const queue = natsWorkQueue({ writing, reading, subjects, replicated: false, restore });
  onTestFinished(async () => {
    await queue.close();
    await Promise.all(links.map((link) => link.close()));
  });
  return queue;
}

async function scene() {
  const namespace = freshNamespace();
  const store = await openNats(url(), { namespace });
  onTestFinished(() => store.close());
  const admin = await operator(url());
  onTestFinished(() => admin.connection.close());
  const subjects = subjectsOf(namespace);
  const { timers } = subjects.streams;
  return {
    namespace,
    ...{ queue: store.queue, admin, timers },
    timer: subjects.timer("a"),
    /** Until when the run's ticket waits, as its timer says. */
    until: async (): Promise<number> => {
      const found = await admin.manager.streams.getMessage(timers, {
        last_by_subj: subjects.timer("a"),
      });
      return Number(found?.header.get("Millrace-At"));
    },
  };
}

it("who brings a ticket forward takes away the time it had, and not the one its next holder gives it", async () => {
  const { namespace, queue, until } = await scene();
  const later = clock.now() + 2 * HOUR;
  let held = 0;
  const offering = await queueOf(namespace, "$JS.API.STREAM.PURGE", async () => {
    held++;
    await (await claimOne(queue)).release(later);
  });
  await queue.offer(ticket, clock.now() + HOUR);
  await offering.offer(ticket);
  expect(held).toBe(1);
  expect(await until()).toBe(later);
});

it("a time that the server takes away with another, which is just due, is not lost", async () => {
  const { namespace, queue, admin, timers, timer } = await scene();
  let held = 0;
  const releasing = await queueOf(namespace, "+ACK", async () => {
    held++;
    await admin.manager.streams.purge(timers, { filter: timer });
  });
  await queue.offer(ticket);
  const claim = await claimOne(releasing);
  const there = headers();
  there.set("Nats-Schedule", `@at ${new Date(clock.now() + HOUR).toISOString()}`);
  there.set("Nats-Schedule-Target", subjectsOf(namespace).due("flow", "a"));
  await admin.connection.request(timer, "", { headers: there, timeout: 5_000 });
  await claim.release(clock.now() + 2 * HOUR);
  expect(held).toBe(1);
  expect((await claimOne(queue)).ticket.run).toBe("a");
});
