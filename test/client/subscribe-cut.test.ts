/**
 * Readers whose connections are cut again and again on a real server: history, then live, every event
 * once and in order, for one run, for all, and for a reader that begins anew behind its last event.
 */
import { expect, it } from "vitest";
import { natsStore } from "../../src/adapters/nats/store.ts";
import { graph, type Millrace, open, type RecordedEvent } from "../../src/index.ts";
import { pause } from "../../src/kernel/clock.ts";
import { systemIds } from "../../src/kernel/ids.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { proxyTo } from "../adapters/nats-kit.ts";
import { clock, world } from "../engine/kit/scene.ts";
import { sharedNatsServer } from "../support/nats-server.ts";

const READERS = 10;
/** Each reader has two connections: so many cuts of all of them kill 400 sockets, 200 of them reading. */
const CUTS = 20;

const busy = graph<number>("busy")
  .step("list", (_ctx, count) => Array.from({ length: count }, (_, index) => index))
  .map("work", { over: "list", concurrency: 4 }, (_ctx, item: number) =>
    pause(clock, 3).then(() => item),
  )
  .build();

const url = sharedNatsServer();

it("every event once, under 200 random disconnects", { timeout: 60_000 }, async () => {
  const namespace = `cut-${systemIds()}`;
  const opened: Millrace[] = [];
  const openOn = async (server: string, options: object): Promise<Millrace> => {
    const node = systemIds();
    const store = await natsStore(server, { namespace, node, leaseMs: 15_000, world });
    const millrace = await open({ store, node, logger: silentLogger, ...options });
    opened.push(millrace);
    return millrace;
  };
  const host = await openOn(url(), { workflows: [busy] });
  await using proxy = await proxyTo(Number(new URL(url()).port));
  const readers = await Promise.all(
    Array.from({ length: READERS }, () => openOn(proxy.url, { worker: false })),
  );

  // Some history before, much to come, one run that is followed by itself.
  await (await host.start(busy, 40, { id: "first" })).result();
  const stop = new AbortController();
  const followed = readers.map((reader, nth) => {
    const one = nth % 3 === 0;
    return one
      ? all(reader.subscribe({ run: "long" }))
      : resumed(reader, stop.signal, nth % 3 === 2);
  });
  const long = await host.start(busy, 400, { id: "long" });
  const random = seededRandom(CUTS);
  let writing = true;
  const others = (async () => {
    for (let nth = 0; writing; nth++) await (await host.start(busy, 5, { id: `r${nth}` })).result();
  })();
  for (let cut = 0; cut < CUTS; cut++) {
    await pause(clock, random.next() * 250);
    proxy.cut();
  }
  writing = false;
  await others;
  await long.result();
  await (await host.start(busy, 1, { id: "last" })).result();

  const log = await all(host.subscribe({ from: "start", signal: stop.signal }), "last");
  const ofLong = log.filter(({ run }) => run === "long");
  for (const [nth, one] of followed.entries()) {
    const events = await one;
    expect(events.map(placeOf)).toEqual((nth % 3 === 0 ? ofLong : log).map(placeOf));
  }
  stop.abort();
  for (const one of opened) await one.close();
});

const placeOf = ({ position, seq, type }: RecordedEvent): string => `${position}.${seq} ${type}`;

/** All that comes, or all up to the end of a run. */
async function all(events: AsyncIterable<RecordedEvent>, until?: string): Promise<RecordedEvent[]> {
  const seen: RecordedEvent[] = [];
  for await (const event of events) {
    seen.push(event);
    if (event.run === until && event.type === "run.completed") break;
  }
  return seen;
}

/** Everything, by one subscription, or by one after the other, each behind the last event of the one before. */
async function resumed(
  reader: Millrace,
  signal: AbortSignal,
  again: boolean,
): Promise<RecordedEvent[]> {
  const seen: RecordedEvent[] = [];
  for (;;) {
    const last = seen.at(-1);
    for await (const event of reader.subscribe({ signal, ...(last && { after: last }) })) {
      seen.push(event);
      if (event.run === "last" && event.type === "run.completed") return seen;
      if (again && seen.length % 37 === 0) break;
    }
  }
}
