// Schedules under random faults: hosts that die, vanish, freeze and are away for a while, appends that conflict
// and fail. Whatever happens, a tick has one run or is accounted for, and none comes early.
import fc from "fast-check";
import { expect, it } from "vitest";
import type { ScheduleSpec } from "../../machines/schedule-data.ts";
import { calendarOf, LATE_MS, ticksBetween } from "../../src/domain/schedule.ts";
import { type RecordedEvent, workflow } from "../../src/index.ts";
import { pause } from "../../src/kernel/clock.ts";
import { checkLog } from "../../src/testing/checks/check-log.ts";
import { blowsWithin, chances, Hosts, type Loss } from "./kit/hosts.ts";
import { only } from "./kit/scene.ts";

const PLANS = Number(process.env["MILLRACE_PROPERTY_RUNS"] ?? 10);
const LEASE_MS = 6_000;
const SECOND = 1_000;
const LIFE_MS = 400 * SECOND;

const BLOWS = ["die", "vanish", "freeze", "close", "trigger", "change"] as const;

const plans = fc.record({
  ...chances,
  times: fc.oneof(
    fc.record({ every: fc.integer({ min: 5, max: 60 }).map((seconds) => seconds * SECOND) }),
    fc.constantFrom({ cron: "*/20 * * * * *" }, { cron: "* * * * *", timeZone: "Asia/Kolkata" }),
  ),
  overlap: fc.constantFrom("allow", "skip", "buffer-one", "buffer-all", "cancel-other" as const),
  within: fc.integer({ min: 0, max: 200 * SECOND }),
  limit: fc.constantFrom(0, 1, 2, 1_000),
  jitter: fc.constantFrom(0, 5 * SECOND),
  work: fc.constantFrom(0, 4 * SECOND, 50 * SECOND),
  blows: blowsWithin(LIFE_MS, BLOWS, {
    // Whoever goes away leaves so much time before somebody else comes.
    away: fc.constantFrom(0, 0, 30 * SECOND, 150 * SECOND),
  }),
});

type Plan = typeof plans extends fc.Arbitrary<infer P> ? P : never;

/** The processes that come and go, two at a time if none is away, and a schedule. */
class World {
  readonly #plan: Plan;
  readonly #hosts: Hosts;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#hosts = new Hosts({ ...plan, leaseMs: LEASE_MS, sweepEvery: "20s" });
  }

  get #job() {
    const { work } = this.#plan;
    // Every process that goes away costs an attempt.
    const retry = { maxAttempts: 100, initial: 1 };
    return workflow("job", (ctx) =>
      ctx.run("work", () => pause(this.#hosts.time, work), { retry }),
    );
  }

  /** The whole log: the schedule is paused at the end, when everything has become calm. */
  async live(): Promise<readonly RecordedEvent[]> {
    const { time } = this.#hosts;
    const client = await this.#hosts.client();
    const put = (labels: Record<string, string>): Promise<unknown> => {
      const { times, overlap, within, limit, jitter } = this.#plan;
      const more = { ...times, overlap, jitter, labels };
      return client.schedules.put({
        id: "s",
        workflow: "job",
        catchUp: { within, limit },
        ...more,
      });
    };
    await time.until(put({}));
    for (const _ of [1, 2]) await this.#hosts.add(this.#job);
    const began = time.now();
    for (const { at, what, away } of this.#plan.blows) {
      await time.pass(Math.max(0, began + at - time.now()));
      if (what === "trigger") await time.until(client.schedules.trigger("s"));
      else if (what === "change") await time.until(put({ changed: String(at) }));
      else await this.#strike(what, away);
    }
    this.#hosts.calm();
    await this.#hosts.add(this.#job);
    await time.pass(60 * SECOND);
    await time.until(client.schedules.pause("s"));
    await time.pass(10 * SECOND);
    const runs = only(await this.#hosts.events(), "run.created").map(({ run }) => run);
    await time.until(Promise.all(runs.map((run) => client.result(run).catch(String))));
    await time.pass(SECOND);
    const events = await this.#hosts.events();
    await this.#hosts.close(client);
    return events;
  }

  async #strike(what: "freeze" | Loss, away: number): Promise<void> {
    const { all, time } = this.#hosts;
    // If somebody else comes only later, nobody is there meanwhile.
    for (const struck of all.slice(0, away === 0 ? 1 : all.length)) {
      if (what === "freeze") this.#hosts.freeze(struck, away);
      else await this.#hosts.lose(struck, what);
    }
    await time.pass(away);
    while (all.length < 2) await this.#hosts.add(this.#job);
  }
}

/** What holds of every tick, told from the log alone. */
function checkTicks(plan: Plan, events: readonly RecordedEvent[]): void {
  const [first] = only(events, "schedule.declared");
  const spec = first?.spec as ScheduleSpec;
  const [last] = only(events, "schedule.paused");
  // One that was due at the very moment of the pause may be either.
  const until = (last?.at ?? 0) - SECOND;
  const ticks = ticksBetween(calendarOf(spec), first?.at ?? 0, until, 100_000);
  const own = <T extends { order?: string }>({ order }: T): boolean => order === undefined;
  const ticked = only(events, "schedule.ticked");
  const skipped = only(events, "schedule.skipped").filter(
    (event) => own(event) && event.tick <= until,
  );
  const created = new Map(only(events, "run.created").map((event) => [event.run, event]));
  // Every tick that was recorded has its run, and no run is there without.
  expect([...created.keys()].sort()).toEqual(ticked.map(({ started }) => started).sort());
  for (const { tick, started } of ticked) {
    expect(created.get(started)?.at).toBeGreaterThanOrEqual(tick);
  }
  // Every tick is taken or skipped, once.
  const taken = ticked.flatMap(({ tick, order }) =>
    order !== undefined || tick > until ? [] : [tick],
  );
  const passed = skipped.reduce((sum, { count }) => sum + count, 0);
  expect(taken.length + passed).toBe(ticks.length);
  expect(taken.filter((tick) => !ticks.includes(tick))).toEqual([]);
  // None within the window is missed for any other reason than that there were too many.
  for (const { at, tick, reason } of skipped) {
    if (!reason.startsWith("nobody")) continue;
    const newer = ticks.filter((one) => one > tick && one < at - LATE_MS).length;
    if (newer < plan.limit) expect(tick).toBeLessThan(at - plan.within);
  }
  if (plan.overlap === "allow" || plan.overlap === "buffer-all" || plan.overlap === "cancel-other")
    expect(skipped.filter(({ reason }) => !reason.startsWith("nobody"))).toEqual([]);
}

/** With any policy but `allow`, never two at once: told from the runs' own logs. */
function checkOverlap({ overlap }: Plan, events: readonly RecordedEvent[]): void {
  if (overlap === "allow") return;
  const atWork = new Set<string>();
  for (const { type, run } of events) {
    if (type === "run.admitted") atWork.add(run);
    if (/^run\.(completed|failed|cancelled)$/.test(type)) atWork.delete(run);
    expect(atWork.size).toBeLessThanOrEqual(1);
  }
}

it("a tick has one run, whatever happens to its processes", { timeout: 240_000 }, async () => {
  const property = fc.asyncProperty(plans, async (plan) => {
    const events = await new World(plan).live();
    expect(checkLog(events)).toEqual([]);
    checkTicks(plan, events);
    checkOverlap(plan, events);
    const ended = only(events, "run.completed").length + only(events, "run.cancelled").length;
    expect(ended).toBe(only(events, "run.created").length);
  });
  await fc.assert(property, { numRuns: PLANS });
});
