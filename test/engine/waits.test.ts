/** Waiting for signals: conditions, time limits, and the races between them. */
import { describe, expect, it } from "vitest";
import {
  isMillraceError,
  type Millrace,
  open,
  type RecordedEvent,
  workflow,
} from "../../src/index.ts";

async function eventsOf(millrace: Millrace, run: string): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const event of millrace.subscribe({ run })) events.push(event);
  return events;
}

const waits = (events: readonly RecordedEvent[]): string[] =>
  events.flatMap((event) => ("wait" in event ? [`${event.type} ${event.wait}`] : []));

describe("waitFor", () => {
  it("takes only what `where` says true to; the rest stays for other waits", async () => {
    const pick = workflow("pick", async (ctx) => {
      const even = await ctx.waitFor<number>("n", { where: (n) => (n as number) % 2 === 0 });
      const first = await ctx.waitFor<number>("n");
      return { even, first };
    });
    await using millrace = await open({ store: "memory", workflows: [pick] });
    const run = await millrace.start(pick);
    for (const n of [1, 3, 4]) await run.signal("n", n);
    expect(await run.result()).toEqual({ even: 4, first: 1 });
  });

  it("gives undefined when no signal came in time, and the log says so", async () => {
    const late = workflow("late", async (ctx) => ({
      none: (await ctx.waitFor("x", { timeout: 20 })) === undefined,
    }));
    await using millrace = await open({ store: "memory", workflows: [late] });
    const run = await millrace.start(late);
    expect(await run.result()).toEqual({ none: true });
    expect(waits(await eventsOf(millrace, run.id))).toEqual(["wait.opened x", "wait.expired x"]);
  });

  it("survives a park: the time limit wakes the run, and so does the signal", async () => {
    const parked = workflow("parked", async (ctx, timeout: number) => {
      const found = await ctx.waitFor<string>("x", { timeout });
      return found ?? "none";
    });
    await using millrace = await open({ store: "memory", workflows: [parked], parkAfter: 5 });
    const expiring = await millrace.start(parked, 150);
    const signalled = await millrace.start(parked, 60_000);
    await signalled.signal("x", "here");
    expect(await signalled.result()).toBe("here");
    expect(await expiring.result()).toBe("none");
    const events = await eventsOf(millrace, expiring.id);
    expect(events.map((event) => event.type)).toContain("run.parked");
  });

  it("racing a signal against its time limit, exactly one wins", { timeout: 60_000 }, async () => {
    const race = workflow("race", async (ctx) => {
      const found = await ctx.waitFor<string>("x", { timeout: 30 });
      return found ?? "expired";
    });
    await using millrace = await open({ store: "memory", workflows: [race] });
    const outcomes = new Set<unknown>();
    for (let round = 0; round < 40; round++) {
      const run = await millrace.start(race);
      await new Promise((resolve) => setTimeout(resolve, 20 + (round % 20)));
      // It may have ended by now, and then refuses what comes.
      await run.signal("x", "signal").catch((error: unknown) => {
        if (!isMillraceError(error, "E_COMMAND_REFUSED")) throw error;
      });
      const result = await run.result();
      outcomes.add(result);
      const ends = waits(await eventsOf(millrace, run.id)).slice(1);
      expect(ends).toEqual([result === "signal" ? "wait.matched x" : "wait.expired x"]);
    }
    expect(outcomes.size).toBeGreaterThan(0);
  });

  it("a condition that throws fails the run with its error", async () => {
    const broken = workflow("broken", async (ctx) =>
      ctx.waitFor("x", {
        where: () => {
          throw new RangeError("no such field");
        },
      }),
    );
    await using millrace = await open({ store: "memory", workflows: [broken] });
    const run = await millrace.start(broken);
    await run.signal("x", 1);
    await expect(run.result()).rejects.toThrow("no such field");
  });

  it("a run that has ended refuses signals", async () => {
    const short = workflow("short", async () => 1);
    await using millrace = await open({ store: "memory", workflows: [short] });
    const run = await millrace.start(short);
    await run.result();
    await expect(run.signal("late")).rejects.toMatchObject({ code: "E_COMMAND_REFUSED" });
  });

  it("explains what it waits for", async () => {
    const patient = workflow("patient", async (ctx) => ctx.waitFor("approval", { timeout: "1h" }));
    await using millrace = await open({ store: "memory", workflows: [patient], parkAfter: 5 });
    const run = await millrace.start(patient);
    for await (const event of run.events()) if (event.type === "run.parked") break;
    const { waits: open_ } = await millrace.explain(run.id);
    expect(open_).toHaveLength(1);
    expect(open_[0]).toMatchObject({ kind: "signal", what: "waits for signal approval" });
    expect(open_[0]?.until).toBeGreaterThan(open_[0]?.since ?? 0);
  });
});
