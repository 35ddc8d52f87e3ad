/**
 * The sweep: tickets, timers and nodes are hints. Whatever is deleted of them, by hand or by accident,
 * every live run goes on, and ended ones get nothing.
 */
import { DatabaseSync } from "node:sqlite";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { afterEach, describe, expect, it } from "vitest";
import { graph, type Millrace, open, workflow } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import { systemIds } from "../../src/kernel/ids.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { faulty } from "./kit/faulty.ts";
import { onStores, outline, type Scene, until } from "./kit/scene.ts";

const waiting = workflow("waiting", (ctx) => ctx.waitFor("word"));
const napping = workflow("napping", async (ctx, ms: number) => {
  await ctx.sleep("nap", ms);
  return "awake";
});
const echo = graph<unknown>("echo")
  .step("only", (_ctx, input) => input)
  .build();
const holding = (gate: Promise<unknown>) =>
  graph("holding")
    .step("only", { retry: { initial: 1 } }, () => gate)
    .build();

/** Runs in all states in which a run can be found, and the names of those that live. */
async function everyState(host: Millrace, client: Millrace): Promise<string[]> {
  const ended = await host.start(echo, 1, { id: "ended" });
  await ended.result();
  await host.start(waiting, undefined, { id: "for-signal" });
  await host.start(waiting, undefined, { id: "with-signal" });
  await host.start(napping, 1_500, { id: "for-time" });
  await host.start("holding", undefined, { id: "running" });
  for (const id of ["for-signal", "with-signal", "for-time"]) {
    await until(`${id} is parked`, async () => (await client.get(id)).status === "parked");
  }
  await until("running runs", async () => (await client.get("running")).epoch === 1);
  return ["for-signal", "with-signal", "for-time", "running"];
}

function loseTickets(file: string): void {
  const db = new DatabaseSync(file);
  db.exec("DELETE FROM tickets; DELETE FROM nodes");
  db.close();
}

async function expectAllEnd(millrace: Millrace): Promise<void> {
  const result = (id: string) => millrace.handle(id).result({ timeoutMs: 25_000 });
  await millrace.signal("for-signal", "word", "told");
  expect(await result("for-signal")).toBe("told");
  expect(await result("with-signal")).toBe("posted");
  expect(await result("for-time")).toBe("awake");
  expect(await result("running")).toBe("released");
}

onStores(
  "a queue that was emptied by hand",
  (scene) => {
    it("is filled again at the start of the next process", async () => {
      const gate = deferred<string>();
      const workflows = [waiting, napping, echo, holding(gate.promise)];
      const options = { workflows, parkAfter: 1, stopGrace: 1, sweepEvery: "1h" } as const;
      const client = await scene().open({ worker: false });
      const first = await scene().open(options);
      await everyState(first, client);
      await scene().close(first);
      const store = await scene().store();
      // As if its sender had died between the inbox and the ticket.
      const input = { kind: "signal", id: "s", name: "word", payload: { json: "posted" } };
      await store.inbox.post("with-signal", Buffer.from(JSON.stringify(input)));
      loseTickets(scene().file);
      gate.resolve("released");
      const ended = outline(await scene().log("ended"));
      const second = await scene().open(options);
      await expectAllEnd(second);
      expect(outline(await scene().log("ended"))).toEqual(ended);
      await until("no ticket is left", () => tickets(scene()) === 0);
    });

    it("is filled again while the process lives", async () => {
      const gate = deferred<string>();
      const workflows = [waiting, napping, echo, holding(gate.promise)];
      const host = await scene().open({ workflows, parkAfter: 1, sweepEvery: 50, leaseMs: 300 });
      const client = await scene().open({ worker: false });
      await everyState(host, client);
      loseTickets(scene().file);
      await until("the hosted run is taken up again", async () => {
        return (await client.get("running")).epoch > 1;
      });
      gate.resolve("released");
      const store = await scene().store();
      const input = { kind: "signal", id: "s", name: "word", payload: { json: "posted" } };
      await store.inbox.post("with-signal", Buffer.from(JSON.stringify(input)));
      await expectAllEnd(host);
    });

    it("of a run that is hosted by a living process is left alone by the others", async () => {
      const gate = deferred<string>();
      const options = { workflows: [holding(gate.promise)], sweepEvery: 10 } as const;
      const one = await scene().open(options);
      const run = await one.start("holding");
      await until("it runs", async () => (await run.get()).epoch === 1);
      const two = await scene().open(options);
      const before = outline(await scene().log(run.id));
      for (let round = 0; round < 10; round++) await two.list();
      await new Promise((resolve) => setTimeout(resolve, 150));
      expect(outline(await scene().log(run.id))).toEqual(before);
      gate.resolve("released");
      expect(await run.result()).toBe("released");
    });
  },
  ["sqlite"],
);

onStores("a sweep that takes its time", (scene) => {
  it("gives nothing back that was claimed anew meanwhile", async () => {
    const gate = deferred<string>();
    const workflows = [holding(gate.promise)];
    const [asked, answer] = [deferred<void>(), deferred<void>()];
    const reclaimed: string[] = [];
    const slow = faulty({
      nodes: (nodes) => ({
        async alive(id) {
          asked.resolve();
          await answer.promise;
          return nodes.alive(id);
        },
      }),
      queue: (queue) => ({
        reclaim(token) {
          reclaimed.push(token);
          return queue.reclaim(token);
        },
      }),
    });
    const first = await scene().open({ workflows, stopGrace: 1 });
    const run = await first.start("holding");
    await until("it runs", async () => (await run.get()).epoch === 1);
    // It sweeps, and hosts nothing of this workflow.
    const sweeper = await scene().open({ workflows: [echo], wrap: slow, sweepEvery: "1h" });
    await asked.promise;
    await scene().close(first);
    await scene().open({ workflows, sweepEvery: "1h", node: "third" });
    await until("it is claimed anew", async () => (await sweeper.get(run.id)).node === "third");
    answer.resolve();
    await until("the sweep is over", async () => (await sweeper.list()).length === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(reclaimed).toEqual([]);
    gate.resolve("released");
    expect(await sweeper.handle(run.id).result({ timeoutMs: 25_000 })).toBe("released");
  });
});

onStores("runs that sleep", (scene) => {
  it("long are left alone, unless somebody told them something and no ticket came of it", async () => {
    const patient = workflow("patient", (ctx) => ctx.waitFor("word", { timeout: "1w" }));
    const workflows = [patient];
    const first = await scene().open({ workflows, parkAfter: 1 });
    for (const id of ["told", "asleep"]) {
      await first.start(patient, undefined, { id });
      await until("it is parked", async () => (await first.get(id)).status === "parked");
    }
    await scene().close(first);
    const { inbox } = await scene().store();
    const input = { kind: "signal", id: "s", name: "word", payload: { json: "posted" } };
    await inbox.post("told", Buffer.from(JSON.stringify(input)));
    const offered: string[] = [];
    const watched = faulty({
      queue: (queue) => ({
        offer(ticket, at) {
          offered.push(ticket.run);
          return queue.offer(ticket, at);
        },
      }),
    });
    const second = await scene().open({ workflows, wrap: watched });
    expect(await second.handle("told").result({ timeoutMs: 25_000 })).toBe("posted");
    expect(offered).not.toContain("asleep");
  });
});

function tickets(scene: Scene): unknown {
  const db = new DatabaseSync(scene.file);
  const row = db.prepare("SELECT count(*) AS count FROM tickets").get();
  db.close();
  return row?.["count"];
}

describe("streams of tickets and timers that were purged by hand, on nats", () => {
  const natsUrl = sharedNatsServer();
  const opened: Millrace[] = [];
  afterEach(() => Promise.all(opened.splice(0).map((one) => one.close())));

  it("are filled again", async () => {
    const namespace = `sweep-${systemIds()}`;
    const gate = deferred<string>();
    const workflows = [waiting, napping, echo, holding(gate.promise)];
    const common = { store: natsUrl(), namespace, logger: silentLogger, workflows, stopGrace: 1 };
    const start = async (options: object): Promise<Millrace> => {
      const one = await open({ ...common, parkAfter: 1, sweepEvery: "1h", ...options });
      opened.push(one);
      return one;
    };
    const client = await start({ worker: false });
    const first = await start({});
    await everyState(first, client);
    await first.close();
    const input = { kind: "signal", id: "s", name: "word", payload: { json: "posted" } };
    await client.store.inbox.post("with-signal", Buffer.from(JSON.stringify(input)));
    const connection = await connect({ servers: natsUrl() });
    const manager = await jetstreamManager(connection);
    for (const stream of ["WORK", "TIMERS"])
      await manager.streams.purge(`MR_${namespace}_${stream}`);
    gate.resolve("released");
    const second = await start({});
    await expectAllEnd(second);
    await until("no ticket is left", async () => {
      const { state } = await manager.streams.info(`MR_${namespace}_WORK`);
      return state.messages === 0;
    });
    await connection.close();
  });
});
