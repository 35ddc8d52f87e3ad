/** The NATS adapter while the server is killed, frozen or cut off: nothing lost, nothing twice. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type NatsServer, startNatsServer } from "../../scripts/nats-server.ts";
import { connectTo } from "../../src/adapters/nats/connect.ts";
import { pause, systemClock } from "../../src/kernel/clock.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import { openNats } from "../support/nats-store.ts";
import { bodies, encode, frame, proxyTo, put, readAll, text } from "./nats-kit.ts";

const clock = systemClock();
const WRITERS = 16;
const KILLS = 3;

let server: NatsServer;
beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

/** Appends to its own run until told to stop; gives the positions it was told, by body. */
async function write(
  log: EventLog,
  run: string,
  more: () => boolean,
): Promise<Map<string, number>> {
  const acked = new Map<string, number>();
  for (let head = 0, nth = 1; more(); nth += 1) {
    head = await put(log, frame(run, head, `${run} ${nth}`));
    acked.set(`${run} ${nth}`, head);
  }
  return acked;
}

const runsOf = (count: number): string[] => Array.from({ length: count }, (_, nth) => `run-${nth}`);

async function killAndRestart(): Promise<void> {
  await pause(clock, 150);
  await server.kill();
  await pause(clock, 150);
  await server.start();
}

describe("nats: outages", () => {
  it("a server killed under load loses no acknowledged append and doubles none", async () => {
    const store = await openNats(server.url);
    let writing = true;
    const runs = runsOf(WRITERS);
    const writers = runs.map((run) => write(store.log, run, () => writing));
    for (let kill = 0; kill < KILLS; kill += 1) await killAndRestart();
    await pause(clock, 150);
    writing = false;
    for (const [nth, acked] of (await Promise.all(writers)).entries()) {
      const stored = await readAll(store.log, { run: runs[nth] ?? "" });
      expect(new Map(stored.map((one) => [text(one.bytes), one.position]))).toEqual(acked);
      expect(stored.length).toBe(acked.size);
      expect(acked.size).toBeGreaterThan(KILLS);
    }
    await store.close();
  });

  it("subscriptions go on through restarts, without gap or repeat", async () => {
    const store = await openNats(server.url);
    const control = new AbortController();
    const scopes = [{}, { workflow: "flow" }, { run: "run-0" }];
    const following = scopes.map(async (scope) => {
      const seen: number[] = [];
      for await (const { position, bytes } of store.log.subscribe(scope, 0, control.signal)) {
        seen.push(position);
        if (text(bytes) === "end") break;
      }
      return seen;
    });
    let writing = true;
    const writers = runsOf(4).map((run) => write(store.log, run, () => writing));
    for (let kill = 0; kill < 2; kill += 1) await killAndRestart();
    writing = false;
    await Promise.all(writers);
    await put(store.log, frame("run-0", await store.log.head("run-0"), "end"));
    const seen = await Promise.all(following);
    for (const [nth, scope] of scopes.entries()) {
      const stored = await readAll(store.log, scope);
      expect(seen[nth]).toEqual(stored.map(({ position }) => position));
    }
    await store.close();
  });

  it("a ticket with a time, and one that is claimed, survive a killed server", async () => {
    const store = await openNats(server.url, { leaseMs: 1_000 });
    const signal = new AbortController().signal;
    const claim = { workflows: ["flow"], max: 1, signal };
    await store.queue.offer({ workflow: "flow", run: "held" });
    const [held] = await store.queue.claim(claim);
    await store.queue.offer({ workflow: "flow", run: "timed" }, clock.now() + 1_500);
    await killAndRestart();
    expect(held?.ticket.run).toBe("held");
    const runs = new Set<string>();
    while (runs.size < 2)
      for (const next of await store.queue.claim(claim)) {
        runs.add(next.ticket.run);
        await next.ack();
      }
    expect([...runs].sort()).toEqual(["held", "timed"]);
    await store.close();
  });

  it("an append, a post and an offer whose answers are lost are stored once", async () => {
    await using proxy = await proxyTo(server.port);
    const store = await openNats(proxy.url);
    let head = 0;
    for (let round = 1; round <= 8; round += 1) {
      proxy.deaf = true;
      const appending = put(store.log, frame("a", head, `frame ${round}`));
      const posting = store.inbox.post("a", encode(`input ${round}`));
      const offering = store.queue.offer({ workflow: "flow", run: `a-${round}` });
      await pause(clock, 30);
      proxy.cut();
      proxy.deaf = false;
      [head] = await Promise.all([appending, posting, offering]);
    }
    const counted = (word: string): string[] =>
      Array.from({ length: 8 }, (_, nth) => `${word} ${nth + 1}`);
    expect(bodies(await readAll(store.log, { run: "a" }))).toEqual(counted("frame"));
    const inputs = await store.inbox.read("a", 0);
    expect(inputs.map(({ bytes }) => text(bytes))).toEqual(counted("input"));
    const claims = await store.queue.claim({
      workflows: ["flow"],
      max: 20,
      signal: new AbortController().signal,
    });
    expect(new Set(claims.map(({ ticket }) => ticket.run)).size).toBe(claims.length);
    await store.close();
  });

  it("a frozen server is noticed; what was sent to it is stored once when it thaws", async () => {
    const store = await openNats(server.url);
    const head = await put(store.log, frame("a", 0, "before"));
    const watched = await connectTo(server.url, {}, "watched", { clock, random: systemRandom });
    server.freeze();
    const appending = put(store.log, frame("a", head, "during"));
    for await (const status of watched.status()) if (status.type === "disconnect") break;
    server.thaw();
    await appending;
    expect(bodies(await readAll(store.log, { run: "a" }))).toEqual(["before", "during"]);
    await watched.close();
    await store.close();
  });

  it("while the server is away an append can be aborted, and the store closed", async () => {
    const store = await openNats(server.url);
    await server.kill();
    const control = new AbortController();
    const appending = store.log.append(frame("a", 0, "late"), control.signal);
    const waiting = store.log.head();
    await pause(clock, 100);
    control.abort();
    await expect(appending).rejects.toMatchObject({ code: "E_STORE_UNAVAILABLE" });
    await store.close();
    await expect(waiting).rejects.toMatchObject({ code: "E_STORE_CLOSED" });
    await server.start();
  });
});
