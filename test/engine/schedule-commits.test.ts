// A host that is lost at each of its commits: the next one goes on with the same ticks and the same runs.
// And the wiring: the same on every store, with two processes that look after the same schedules.
import { describe, expect, it } from "vitest";
import type { Overlap } from "../../machines/schedule-data.ts";
import { MemoryBackend, memoryStore } from "../../src/adapters/memory/store.ts";
import { openFrame } from "../../src/events/frame.ts";
import { recordedEvents } from "../../src/events/recorded.ts";
import { RUN_ENDS } from "../../src/events/vocabulary.ts";
import { open, type RecordedEvent, workflow } from "../../src/index.ts";
import { pause } from "../../src/kernel/clock.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import type { Store } from "../../src/ports/store.ts";
import { checkLog } from "../../src/testing/checks/check-log.ts";
import { over } from "../../src/testing/simulation/over.ts";
import { Process } from "../../src/testing/simulation/process.ts";
import { VirtualTime } from "../../src/testing/simulation/virtual-time.ts";
import { ALL_STORES, only, onStores, until, world } from "./kit/scene.ts";

const MINUTE = 60_000;
const LEASE_MS = 5 * MINUTE;

/** Kills the process when it appends for the `nth` time: before that is stored, or after. */
function killing(process: Process, nth: number, side: "before" | "after") {
  let appends = 0;
  return {
    reached: () => appends >= nth,
    wrap: (store: Store): Store => ({
      ...store,
      log: over(store.log, {
        async append(frame, signal) {
          const isLast = ++appends === nth;
          if (isLast && side === "before") process.kill();
          const outcome =
            process.dead && side === "before" ? undefined : store.log.append(frame, signal);
          if (isLast) process.kill();
          return (await outcome) ?? new Promise(() => undefined);
        },
      }),
    }),
  };
}

/** The whole log of a schedule whose first host is lost at its `nth` commit; undefined: it made fewer. */
async function live(nth: number, side: "before" | "after", overlap: Overlap) {
  const time = new VirtualTime();
  const share = new MemoryBackend(time);
  const virtual = { ...world, clock: time, upkeep: time.upkeep };
  const storeOf = (node: string): Store =>
    memoryStore({ namespace: "default", node, leaseMs: LEASE_MS, world: virtual, share });
  const job = workflow("job", (ctx) =>
    ctx.run("work", () => pause(time, 4 * MINUTE), { retry: { maxAttempts: 9, initial: 1 } }),
  );
  const openAs = (node: string, store: Store, hosts: boolean) =>
    open({
      ...{ store, node, world: virtual, logger: silentLogger, lease: LEASE_MS },
      ...(hosts ? { workflows: [job] } : { worker: false }),
    });
  const client = await openAs("client", storeOf("client"), false);
  const process = new Process();
  const killer = killing(process, nth, side);
  await openAs("first", process.wrap(killer.wrap(storeOf("first"))), true);
  const catchUp = { within: "1d", limit: 100 } as const;
  await time.until(
    client.schedules.put({ id: "s", workflow: "job", every: "5m", overlap, catchUp }),
  );
  await time.until(client.schedules.trigger("s", { id: "now" }));
  await time.pass(12 * MINUTE);
  const second = await openAs("second", storeOf("second"), true);
  for (let minutes = 0; minutes < 8; minutes++) await time.pass(MINUTE);
  await time.until(client.schedules.pause("s"));
  const log = async (): Promise<readonly RecordedEvent[]> => {
    const events: RecordedEvent[] = [];
    for await (const stored of storeOf("reader").log.read({})) {
      events.push(...recordedEvents(stored, openFrame(stored.run, stored.bytes).frame));
    }
    return events;
  };
  const done = async (): Promise<boolean> => {
    const events = await log();
    const ended = events.filter(({ type }) => RUN_ENDS.has(type));
    const taken = only(events, "schedule.ticked");
    return ended.length === taken.length && (await client.schedules.get("s")).orders.length === 0;
  };
  for (let hours = 0; !(await done()); hours++) {
    if (hours > 24) throw new Error("some of its runs never end");
    await time.pass(60 * MINUTE);
  }
  const events = await log();
  await time.until(Promise.all([client.close(), second.close()]));
  return killer.reached() ? events : undefined;
}

describe("a host that is lost at one of its commits", () => {
  const cases: readonly (readonly ["before" | "after", Overlap])[] = [
    ["before", "buffer-all"],
    ["after", "cancel-other"],
  ];
  it.each(cases)("%s it is stored (%s): each tick has its run, once", async (side, overlap) => {
    let commits = 1;
    for (let events = await live(commits, side, overlap); events !== undefined; ) {
      expect(checkLog(events)).toEqual([]);
      const runs = only(events, "run.created").map(({ run }) => run);
      expect(new Set(runs).size).toBe(runs.length);
      const taken = only(events, "schedule.ticked").map(({ started }) => started);
      expect(runs.sort()).toEqual(taken.sort());
      expect(runs).toContain("s--now");
      events = await live(++commits, side, overlap);
    }
    expect(commits).toBeGreaterThan(10);
  });
});

onStores(
  "a schedule that two processes look after",
  (scene) => {
    it("has one run per tick, now and in the past, and none when it is paused", async () => {
      const job = workflow("job", (ctx, input: string) => `${input} ${ctx.runId}`);
      const first = await scene().open({ workflows: [job] });
      const second = await scene().open({ workflows: [job] });
      const { schedules } = await scene().open({ worker: false });
      const declaration = { id: "often", workflow: job, input: "hello", every: "1s" } as const;
      await Promise.all([schedules.put(declaration), first.schedules.put(declaration)]);
      const wanted = await second.schedules.trigger("often", { overlap: "allow" });
      expect(await first.handle(wanted).result({ timeoutMs: 25_000 })).toBe(`hello ${wanted}`);
      await until("two ticks have come", async () => (await schedules.get("often")).started > 2);
      await schedules.pause("often", { reason: "enough" });
      const to = world.clock.now() - 60_000;
      const { ticks } = await schedules.backfill("often", { from: to - 4_500, to, id: "past" });
      expect([4, 5]).toContain(ticks);
      await until("the past is filled", async () => {
        const { orders, open } = await schedules.get("often");
        return orders.length + open.length === 0;
      });
      const events = await scene().log();
      const runs = only(events, "run.created").map(({ run }) => run);
      expect(runs.sort()).toEqual(
        only(events, "schedule.ticked")
          .map((one) => one.started)
          .sort(),
      );
      expect(runs.filter((run) => run.startsWith("often--past--"))).toHaveLength(ticks);
      expect(only(events, "run.completed")).toHaveLength(runs.length);
      expect(await second.schedules.list()).toMatchObject([{ id: "often", paused: {} }]);
      expect(await schedules.delete("often")).toBe(true);
    });
  },
  ALL_STORES,
);
