// Schedules at work, in virtual time: ticks, overlaps, downtime, orders.
import { expect, it } from "vitest";
import type { Overlap } from "../../machines/schedule-data.ts";
import { type Millrace, type RecordedEvent, workflow } from "../../src/index.ts";
import { pause } from "../../src/kernel/clock.ts";
import type { VirtualTime } from "../../src/testing/simulation/virtual-time.ts";
import { only, onVirtualTime, refusal, type Scene, type SceneOptions, world } from "./kit/scene.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Virtual time begins at this moment: 22:13:20. */
const START = 1_700_000_000_000;

/** Work that takes so long. */
const work = (time: VirtualTime) =>
  workflow("work", (ctx, { minutes }: { minutes: number }) =>
    ctx.run("work", (step) => pause(time, minutes * MINUTE, step.signal), {
      startToClose: "10d",
      retry: { maxAttempts: 99, initial: 1 },
    }),
  );

/** A process whose heartbeats, leases and sweeps cost next to nothing: days pass in these tests. */
const process = (scene: Scene, time: VirtualTime, options: SceneOptions): Promise<Millrace> =>
  scene.open({ world: { ...world, clock: time, upkeep: time.upkeep }, leaseMs: DAY, ...options });

/** Minutes since the start at which each run began its work, and of what was skipped. */
async function seen(scene: Scene) {
  const events = await scene.log();
  const minutes = ({ at }: { at: number }): number => Math.round((at - START) / MINUTE);
  return {
    began: only(events, "step.started").map(minutes),
    skipped: only(events, "schedule.skipped").map(({ tick: at, count, reason }) => {
      return [minutes({ at }), count, reason];
    }),
  };
}

const runsOf = (events: readonly RecordedEvent[]): string[] =>
  only(events, "run.created").map(({ run }) => run);

onVirtualTime("ticks", (scene, time) => {
  it("start one run each, with its input and labels, not early", async () => {
    const millrace = await process(scene(), time(), { workflows: [work(time())] });
    const labels = { team: "a" };
    await time().until(
      millrace.schedules.put({
        ...{ id: "often", workflow: "work", input: { minutes: 0 }, every: "1m", labels },
      }),
    );
    await time().pass(5 * MINUTE);
    const created = only(await scene().log(), "run.created");
    const ticked = only(await scene().log(), "schedule.ticked");
    expect(ticked).toHaveLength(5);
    expect(created.map(({ run }) => run)).toEqual(ticked.map(({ started }) => started));
    for (const [nth, { at }] of created.entries()) {
      expect(at).toBeGreaterThanOrEqual(ticked[nth]?.tick ?? Number.NaN);
    }
    expect(created[0]).toMatchObject({ input: { json: { minutes: 0 } }, labels });
    expect(await time().until(millrace.schedules.get("often"))).toMatchObject({
      ...{ started: 5, skipped: 0, open: [] },
      recent: ticked.map(({ tick, started }) => ({ tick, run: started })),
    });
  });

  it("are within startAt and endAt, and the runs begin within the jitter", async () => {
    const millrace = await process(scene(), time(), { workflows: [work(time())] });
    const [startAt, endAt] = [START + 10 * MINUTE, START + 20 * MINUTE];
    await time().until(
      millrace.schedules.put({
        ...{ id: "window", workflow: "work", input: { minutes: 0 }, cron: "* * * * *" },
        ...{ startAt, endAt, jitter: "30s", overlap: "allow" },
      }),
    );
    await time().pass(HOUR);
    const ticked = only(await scene().log(), "schedule.ticked");
    expect(ticked).toHaveLength(10);
    const begun = new Map(
      only(await scene().log(), "step.started").map(({ run, at }) => [run, at]),
    );
    const late = ticked.map(({ tick, started }) => (begun.get(started) ?? Number.NaN) - tick);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...late)).toBeLessThanOrEqual(30_000);
    expect(new Set(late).size).toBeGreaterThan(5);
    expect((await time().until(millrace.schedules.get("window"))).next).toEqual([]);
  });

  it("go on with the new times when it is changed, and the same declaration changes nothing", async () => {
    const millrace = await process(scene(), time(), { workflows: [work(time())] });
    const put = (every: string, minutes = 0): Promise<unknown> =>
      time().until(
        millrace.schedules.put({ id: "s", workflow: "work", input: { minutes }, every }),
      );
    await put("10m");
    await put("10m");
    expect(only(await scene().log(), "schedule.declared")).toHaveLength(1);
    await time().pass(25 * MINUTE);
    await put("30m");
    await time().pass(HOUR);
    await put("30m", 1);
    await time().pass(HOUR);
    // 22:20, 22:30, then 23:00, 23:30, 00:00, 00:30.
    expect((await seen(scene())).began).toEqual([7, 17, 47, 77, 107, 137]);
    expect(only(await scene().log(), "schedule.declared")).toHaveLength(3);
  });

  it("are those of the workflow that it has now, and none when it is deleted", async () => {
    const other = workflow("other", () => "other");
    const millrace = await process(scene(), time(), { workflows: [work(time()), other] });
    const put = (name: string): Promise<unknown> =>
      time().until(
        millrace.schedules.put({ id: "s", workflow: name, input: { minutes: 0 }, every: "10m" }),
      );
    await put("work");
    await time().pass(10 * MINUTE);
    await put("other");
    await time().pass(10 * MINUTE);
    await put("work");
    await time().pass(10 * MINUTE);
    expect(only(await scene().log(), "run.created").map((event) => event.workflow)).toEqual([
      ...["work", "other", "work"],
    ]);
    expect(await time().until(millrace.schedules.delete("s"))).toBe(true);
    expect(await time().until(millrace.schedules.delete("s"))).toBe(false);
    expect(await time().until(millrace.schedules.list())).toEqual([]);
    await time().pass(HOUR);
    expect(runsOf(await scene().log())).toHaveLength(3);
    expect(await time().until(refusal(millrace.schedules.get("s")))).toMatchObject({
      code: "E_SCHEDULE_NOT_FOUND",
    });
  });

  it("are known to their runs, in both styles, and to those that go on for them", async () => {
    const seenTicks: unknown[] = [];
    const code = workflow("code", async (ctx, round: number) => {
      seenTicks.push(ctx.tick);
      await ctx.run("look", (step) => void seenTicks.push(step.run.tick));
      return round === 0 ? ctx.continueAsNew(1) : round;
    });
    const millrace = await process(scene(), time(), { workflows: [code] });
    await time().until(
      millrace.schedules.put({ id: "s", workflow: code, input: 0, cron: "30 22 * * *" }),
    );
    await time().pass(HOUR);
    const tick = { schedule: "s", at: Date.parse("2023-11-14T22:30:00Z") };
    expect(seenTicks).toEqual([tick, tick, tick, tick]);
    const [first = "", next = ""] = runsOf(await scene().log());
    expect(await time().until(millrace.get(first))).toMatchObject({ status: "continued", tick });
    expect(await time().until(millrace.get(next))).toMatchObject({ status: "completed", tick });
    await time().until(millrace.schedules.trigger("s", { id: "o" }));
    await time().pass(MINUTE);
    const asked = { schedule: "s", order: "o", at: START + HOUR };
    expect(seenTicks.slice(4)).toEqual([asked, asked, asked, asked]);
  });

  it("whose input the definition refuses are skipped, and say why", async () => {
    const millrace = await process(scene(), time(), { workflows: [] });
    await time().until(millrace.schedules.put({ id: "s", workflow: "picky", every: "10m" }));
    const key = (): string => {
      throw new Error("no key in it");
    };
    const picky = workflow("picky", { flow: { concurrency: { limit: 1, key } } }, () => "never");
    await process(scene(), time(), { workflows: [picky] });
    await time().pass(10 * MINUTE);
    const [[, , reason] = []] = (await seen(scene())).skipped;
    expect(reason).toMatch(/picky: key of concurrency/);
    expect(runsOf(await scene().log())).toEqual([]);
  });
});

onVirtualTime("a tick while an earlier run is at work", (scene, time) => {
  const live = async (overlap: Overlap, minutes: number): Promise<Millrace> => {
    const millrace = await process(scene(), time(), { workflows: [work(time())] });
    const input = { minutes };
    const startAt = START + 10 * MINUTE;
    const endAt = startAt + 55 * MINUTE;
    await time().until(
      millrace.schedules.put({
        ...{ id: "s", workflow: "work", input, cron: "*/10 * * * *", overlap, startAt, endAt },
      }),
    );
    return millrace;
  };
  // Ticks at minutes 17 (22:30), 27, 37, 47, 57.

  it("skip: has no run", async () => {
    await live("skip", 25);
    await time().pass(3 * HOUR);
    const { began, skipped } = await seen(scene());
    expect(began).toEqual([17, 47]);
    expect(skipped.map(([at]) => at)).toEqual([27, 37, 57]);
    expect(skipped[0]?.[2]).toBe("an earlier run has not ended");
  });

  it("buffer-one: one waits, and begins when the other has ended", async () => {
    const millrace = await live("buffer-one", 25);
    await time().pass(30 * MINUTE);
    const { open } = await time().until(millrace.schedules.get("s"));
    expect(open).toHaveLength(2);
    const { waits } = await time().until(millrace.explain(open[1]?.run ?? ""));
    expect(waits).toMatchObject([
      {
        kind: "admission",
        what: "waits for admission: one run at a time of schedule s; place 1 of 1",
      },
    ]);
    await time().pass(3 * HOUR);
    const { began, skipped } = await seen(scene());
    expect(began).toEqual([17, 42, 67]);
    expect(skipped.map(([at, , reason]) => [at, reason])).toEqual([
      [37, "another one waits already"],
      [57, "another one waits already"],
    ]);
  });

  it("buffer-all: all wait, in order", async () => {
    await live("buffer-all", 25);
    await time().pass(4 * HOUR);
    const events = await scene().log();
    const begun = only(events, "step.started").map(({ run }) => run);
    expect(begun).toEqual(only(events, "schedule.ticked").map(({ started }) => started));
    expect((await seen(scene())).began).toEqual([17, 42, 67, 92, 117]);
  });

  it("cancel-other: the other is cancelled, and the new one begins when it has ended", async () => {
    await live("cancel-other", 25);
    await time().pass(4 * HOUR);
    const events = await scene().log();
    expect((await seen(scene())).began).toEqual([17, 27, 37, 47, 57]);
    expect(only(events, "run.cancelled")).toHaveLength(4);
    expect(only(events, "run.completed")).toHaveLength(1);
    expect(only(events, "run.cancelling")[0]).toMatchObject({ by: "schedule s" });
  });

  it("allow: both are at work", async () => {
    await live("allow", 25);
    await time().pass(4 * HOUR);
    expect((await seen(scene())).began).toEqual([17, 27, 37, 47, 57]);
    expect(only(await scene().log(), "run.completed")).toHaveLength(5);
    expect(only(await scene().log(), "gate.asked")).toEqual([]);
  });
});

onVirtualTime("when nobody was there", (scene, time) => {
  const away = async (catchUp: object | undefined, overlap: Overlap, ms: number): Promise<void> => {
    const client = await process(scene(), time(), { worker: false });
    await time().until(
      client.schedules.put({
        ...{ id: "daily", workflow: "work", input: { minutes: 1 }, cron: "0 3 * * *", overlap },
        ...(catchUp === undefined ? {} : { catchUp }),
      }),
    );
    await time().pass(ms);
    await process(scene(), time(), { workflows: [work(time())] });
    await time().pass(HOUR);
  };

  it("for a week: what is older than the window is skipped, in one event", async () => {
    await away(undefined, "skip", 7 * DAY);
    const { began, skipped } = await seen(scene());
    expect(began).toEqual([]);
    expect(skipped).toMatchObject([[expect.anything(), 7, expect.stringContaining("nobody")]]);
  });

  it("for a week: the newest is made up for", async () => {
    await away({ within: "1d" }, "skip", 7 * DAY);
    expect((await seen(scene())).skipped).toMatchObject([
      [expect.anything(), 6, expect.anything()],
    ]);
    // 20 November 2023, 03:00.
    expect(runsOf(await scene().log())).toEqual(["daily--20231121T030000000Z"]);
  });

  it("for a week: so many of the newest, one after the other", async () => {
    await away({ within: "1w", limit: 3 }, "buffer-all", 7 * DAY);
    expect(runsOf(await scene().log())).toEqual([
      "daily--20231119T030000000Z",
      "daily--20231120T030000000Z",
      "daily--20231121T030000000Z",
    ]);
    const { began } = await seen(scene());
    expect(began.map((at) => at - (began[0] ?? 0))).toEqual([0, 1, 2]);
  });

  it("for a moment: a tick that is only late has its run", async () => {
    await away({ within: 0, limit: 0 }, "skip", 4 * HOUR + 46 * MINUTE + 45_000);
    expect(runsOf(await scene().log())).toEqual(["daily--20231115T030000000Z"]);
  });
});

onVirtualTime("a schedule that is told something", (scene, time) => {
  const live = async (more: object = {}): Promise<Millrace> => {
    const millrace = await process(scene(), time(), { workflows: [work(time())] });
    await time().until(
      millrace.schedules.put({
        ...{ id: "s", workflow: "work", input: { minutes: 1 }, every: "10m", ...more },
      }),
    );
    return millrace;
  };

  it("does nothing while it is paused, and makes up for nothing then", async () => {
    const millrace = await live();
    await time().pass(10 * MINUTE);
    await time().until(millrace.schedules.pause("s", { by: "ada", reason: "stocktaking" }));
    await time().until(millrace.schedules.pause("s"));
    expect(await time().until(millrace.schedules.get("s"))).toMatchObject({
      ...{ next: [], paused: { by: "ada", reason: "stocktaking" } },
    });
    await time().pass(HOUR);
    await time().until(millrace.schedules.resume("s"));
    await time().pass(20 * MINUTE);
    expect((await seen(scene())).began).toEqual([7, 77, 87]);
    const told = (await scene().log()).filter(({ type }) => /^schedule\.(pau|res)/.test(type));
    expect(told).toHaveLength(2);
  });

  it("can begin paused, and starts runs that somebody wants even so", async () => {
    const millrace = await live({ paused: true });
    const run = await time().until(millrace.schedules.trigger("s", { id: "o1" }));
    expect(run).toBe("s--o1");
    expect(await time().until(millrace.result(run))).toBeNull();
    await time().until(millrace.schedules.trigger("s", { id: "o1" }));
    await time().pass(HOUR);
    expect(runsOf(await scene().log())).toEqual([run]);
  });

  it("a run that is wanted keeps to the overlap policy, or to the one it was wanted with", async () => {
    const millrace = await live({ input: { minutes: 5 } });
    await time().pass(8 * MINUTE);
    await time().until(millrace.schedules.trigger("s", { id: "no" }));
    await time().until(millrace.schedules.trigger("s", { id: "yes", overlap: "allow" }));
    await time().pass(9 * MINUTE);
    expect(runsOf(await scene().log())).toEqual([
      ...["s--20231114T222000000Z", "s--yes", "s--20231114T223000000Z"],
    ]);
    expect((await seen(scene())).skipped).toMatchObject([[expect.anything(), 1, /earlier/]]);
  });

  it("fills the ticks of the past, one run after the other, each once", async () => {
    const millrace = await live({ every: "1h" });
    const from = START - 3 * HOUR;
    const filled = millrace.schedules.backfill("s", { from, to: START, id: "fill" });
    expect(await time().until(filled)).toEqual({ order: "fill", ticks: 3 });
    await time().pass(30 * MINUTE);
    const events = await scene().log();
    expect(runsOf(events)).toEqual([
      "s--fill--20231114T200000000Z",
      "s--fill--20231114T210000000Z",
      "s--fill--20231114T220000000Z",
    ]);
    expect(only(events, "schedule.served")).toHaveLength(1);
    expect((await seen(scene())).began).toEqual([0, 1, 2]);
    await time().until(millrace.schedules.backfill("s", { from, to: START, id: "fill" }));
    await time().pass(5 * MINUTE);
    expect(only(await scene().log(), "schedule.backfilled")).toHaveLength(1);
  });

  it("skips more than one frame holds", async () => {
    const millrace = await live({ every: "1h", input: { minutes: 60 } });
    const times = { from: START - 2_000 * HOUR, to: START, overlap: "skip" } as const;
    await time().until(millrace.schedules.backfill("s", times));
    await time().pass(MINUTE);
    const { started, skipped, orders } = await time().until(millrace.schedules.get("s"));
    expect([started, skipped, orders]).toEqual([1, 1_999, []]);
  });

  it("has more to fill than one frame holds", async () => {
    const millrace = await live({ every: "1h", overlap: "allow", input: { minutes: 0 } });
    const from = START - 250 * HOUR;
    const { ticks } = await time().until(millrace.schedules.backfill("s", { from, to: START }));
    await time().pass(30 * MINUTE);
    expect(ticks).toBe(250);
    expect(new Set(runsOf(await scene().log())).size).toBe(250);
  });
});
