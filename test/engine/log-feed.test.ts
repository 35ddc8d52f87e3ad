/** Following the log: however many do, at whatever pace, each gets every frame once, and little is held. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../src/adapters/memory/store.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { LogFeed } from "../../src/engine/reading/log-feed.ts";
import { plainCodec } from "../../src/events/frame.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { advance, type Cursor, covers, startOf } from "../../src/ports/cursor.ts";
import type { EventLog, LogScope, Position, StoredFrame } from "../../src/ports/event-log.ts";
import type { Store } from "../../src/ports/store.ts";
import { world } from "./kit/scene.ts";

const engineOn = (store: Store): Engine => ({
  store,
  world,
  node: "n",
  logger: silentLogger,
  codec: plainCodec,
  codecs: [],
});

const memory = (partitions = 1): Store =>
  memoryStore({ namespace: "default", node: "n", world, partitions });

/** A log that gives `count` frames of these bytes, and tells how it is read. */
function endless(count: number, bytes: number) {
  const told = { subscriptions: 0, given: 0, alive: new Set<WeakRef<StoredFrame>>() };
  async function* subscribe(_: LogScope, after: Position): AsyncGenerator<StoredFrame> {
    told.subscriptions++;
    for (let position = after + 1; position <= count; position++) {
      const frame = { run: "r", workflow: "w", position, bytes: new Uint8Array(bytes) };
      told.given++;
      told.alive.add(new WeakRef(frame));
      yield frame;
    }
  }
  const store = { ...memory(), log: { partitions: 1, subscribe } as unknown as EventLog };
  return { feed: new LogFeed(engineOn(store)), told };
}

const positions = (count: number, after = 0): number[] =>
  Array.from({ length: count - after }, (_, index) => after + index + 1);

async function follow(
  feed: LogFeed,
  scope: LogScope,
  { after = 0 as Cursor, take = Number.POSITIVE_INFINITY, pace = async (_nth: number) => {} },
): Promise<number[]> {
  const seen: number[] = [];
  if (take === 0) return seen;
  for await (const { stored } of feed.frames(scope, after, new AbortController().signal)) {
    seen.push(stored.position);
    if (seen.length >= take) return seen;
    await pace(seen.length);
  }
  return seen;
}

const turns = (count: number) => async () => {
  for (let turn = 0; turn < count; turn++) await world.clock.turn();
};

describe("a feed", () => {
  it("reads the log once for all who follow it from the same place", async () => {
    const { feed, told } = endless(1_000, 100);
    const all = Array.from({ length: 500 }, () => follow(feed, {}, {}));
    for (const seen of await Promise.all(all)) expect(seen).toEqual(positions(1_000));
    expect(told).toMatchObject({ subscriptions: 1, given: 1_000 });
  });

  it("reads no further than the one follower wants", async () => {
    const { feed, told } = endless(1_000, 100);
    let ahead = 0;
    const pace = async (nth: number): Promise<void> => {
      await world.clock.turn();
      ahead = Math.max(ahead, told.given - nth);
    };
    expect(await follow(feed, {}, { pace })).toEqual(positions(1_000));
    expect(ahead).toBe(0);
  });

  it("holds little for the slow ones, by number and by size, and loses nothing of theirs", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    for (const [bytes, most] of [
      [10, 256],
      [256 * 1024, 16],
    ] as const) {
      const { feed, told } = endless(2_000, bytes);
      let held = 0;
      const slow = follow(feed, {}, { pace: turns(20) });
      await follow(
        feed,
        {},
        {
          pace: async (nth) => {
            if (nth % 500 !== 0) return;
            await world.clock.turn();
            collect();
            held = Math.max(held, [...told.alive].filter((one) => one.deref()).length);
          },
        },
      );
      expect(held).toBeGreaterThan(0);
      // What is held, what is on its way to each of the two, and what the collector has not seen yet.
      expect(held).toBeLessThanOrEqual(most + 8);
      expect(await slow).toEqual(positions(2_000));
    }
  });

  it("ends for whoever leaves, and for all when the log's subscription ends", async () => {
    const { feed, told } = endless(10, 10);
    const stop = new AbortController();
    const seen: number[] = [];
    for await (const { stored } of feed.frames({}, 0, stop.signal)) {
      seen.push(stored.position);
      if (stored.position === 3) stop.abort();
    }
    expect(seen).toEqual([1, 2, 3]);
    expect(await follow(feed, {}, { take: 2 })).toEqual([1, 2]);
    expect(await follow(feed, {}, { after: 4 })).toEqual(positions(10, 4));
    expect(told.subscriptions).toBe(3);
  });

  it("fails for all when the log fails, and begins anew for who comes then", async () => {
    let calls = 0;
    const subscribe = async function* (): AsyncGenerator<StoredFrame> {
      calls++;
      yield { run: "r", workflow: "w", position: 1, bytes: new Uint8Array(1) };
      throw new Error("no log");
    };
    const store = { ...memory(), log: { partitions: 1, subscribe } as unknown as EventLog };
    const feed = new LogFeed(engineOn(store));
    const both = [follow(feed, {}, {}), follow(feed, {}, {})];
    for (const one of both) await expect(one).rejects.toThrow("no log");
    await expect(follow(feed, {}, {})).rejects.toThrow("no log");
    expect(calls).toBe(2);
  });
});

interface Follower {
  readonly late: number;
  readonly skip: number;
  readonly slow: number;
  readonly take: number;
  readonly scope: LogScope;
}

const scopes: readonly LogScope[] = [{}, { run: "a" }, { run: "b" }, { workflow: "even" }];

const followers: fc.Arbitrary<Follower[]> = fc.array(
  fc.record({
    late: fc.nat(60),
    skip: fc.nat(40),
    slow: fc.nat(4),
    take: fc.nat(300),
    scope: fc.constantFrom(...scopes),
  }),
  { minLength: 1, maxLength: 12 },
);

/** Writes `count` frames of four runs, now and then two at once. */
async function write(log: EventLog, count: number): Promise<void> {
  const heads = new Map<string, number>();
  for (let nth = 0; nth < count; nth++) {
    const run = "abcd"[nth % 4] ?? "a";
    const workflow = run === "b" || run === "d" ? "even" : "odd";
    const expected = heads.get(run) ?? 0;
    const done = await log.append({ workflow, run, expected, bytes: Buffer.from(`${nth}`) });
    if (!done.ok) throw new Error("nobody else writes");
    heads.set(run, done.position);
  }
}

const belongs = ({ run, workflow }: LogScope, frame: StoredFrame): boolean =>
  (run === undefined || run === frame.run) &&
  (workflow === undefined || workflow === frame.workflow);

/** Behind so many of the frames that are there. */
async function placeIn(log: EventLog, skip: number, { run }: LogScope): Promise<Cursor> {
  let place = startOf(run === undefined ? log.partitions : 1);
  const range = run === undefined ? {} : { run };
  for await (const { position } of log.read({ ...range, limit: skip })) {
    place = advance(place, position);
  }
  return place;
}

it.each([1, 3])(
  "gives each follower its frames, whoever else comes and goes, of %i partitions",
  async (partitions) => {
    const followed = async (plan: readonly Follower[]): Promise<void> => {
      const store = memory(partitions);
      const feed = new LogFeed(engineOn(store));
      const seen = plan.map(async ({ late, skip, slow, take, scope }) => {
        await turns(late)();
        const after = await placeIn(store.log, skip, scope);
        return { after, seen: await follow(feed, scope, { after, take, pace: turns(slow) }) };
      });
      await write(store.log, 300);
      const frames: StoredFrame[] = [];
      for await (const stored of store.log.read({})) frames.push(stored);
      await turns(2_000)();
      await store.close();
      for (const [nth, one] of (await Promise.all(seen)).entries()) {
        const { scope, take } = plan[nth] as Follower;
        const due = frames.filter(
          (frame) => !covers(one.after, frame.position) && belongs(scope, frame),
        );
        expect(one.seen).toHaveLength(Math.min(take, due.length));
        for (let partition = 0; partition < partitions; partition++) {
          const ofIt = (position: number): boolean => position % partitions === partition;
          const got = one.seen.filter(ofIt);
          const all = due.map(({ position }) => position).filter(ofIt);
          expect(got).toEqual(all.slice(0, got.length));
        }
      }
    };
    await fc.assert(fc.asyncProperty(followers, followed), { numRuns: partitions === 1 ? 40 : 20 });
  },
);
