/** Sleeping in both styles: until when, how exactly, and across everything that can happen meanwhile. */
import { expect, it } from "vitest";
import { graph, workflow } from "../../src/index.ts";
import { ALL_STORES, only, onStores, onVirtualTime, outline, until } from "./kit/scene.ts";

const MINUTE_MS = 60_000;
const WEEK_MS = 7 * 24 * 60 * MINUTE_MS;

const drip = workflow("drip", async (ctx) => {
  const mails: string[] = [await ctx.run("welcome", () => "welcome")];
  await ctx.sleep("week", "1w");
  mails.push(await ctx.run("follow-up", () => "follow-up"));
  return mails;
});

const reminder = graph<{ at: number }>("reminder")
  .step("note", (_ctx, { at }) => at)
  .sleep("pause", { needs: ["note"], for: "1w" })
  .sleep("moment", { needs: ["note", "pause"], until: ({ note }) => note })
  .step("ring", { needs: ["note", "moment"] }, (_ctx, { note, moment }) => ({ note, moment }))
  .build();

const nap = graph("nap").sleep("nap", { for: "30m" }).build();

onVirtualTime("a week of sleep", (scene, time) => {
  it("is survived by a function, though every process of then is gone", async () => {
    const first = await scene().open({ workflows: [drip] });
    const run = await first.start(drip);
    await time().pass(60_000);
    expect((await run.get()).status).toBe("parked");
    await time().until(scene().close(first));
    await time().pass(WEEK_MS - 10 * MINUTE_MS);
    const second = await scene().open({ workflows: [drip] });
    await time().pass(MINUTE_MS);
    expect(second.hosted).toBe(0);
    const handle = second.handle(run.id);
    expect(await time().until(handle.result())).toEqual(["welcome", "follow-up"]);
    const events = await scene().log(run.id);
    const [set] = only(events, "timer.set");
    const [fired, ...others] = only(events, "timer.fired");
    expect(fired?.at).toBe(set?.due);
    expect((set?.due ?? 0) - (set?.at ?? 0)).toBe(WEEK_MS);
    expect(others).toEqual([]);
  });

  it("is survived by a graph, which then sleeps until a time that its code names", async () => {
    const first = await scene().open({ workflows: [reminder] });
    const at = time().now() + WEEK_MS + 20 * MINUTE_MS;
    const run = await first.start(reminder, { at });
    await time().pass(60_000);
    expect((await run.get()).steps.map(({ step, status }) => [step, status])).toEqual([
      ["note", "completed"],
      ["pause", "suspended"],
      ["moment", "waiting"],
      ["ring", "waiting"],
    ]);
    await time().until(scene().close(first));
    await time().pass(WEEK_MS - 10 * MINUTE_MS);
    const second = await scene().open({ workflows: [reminder] });
    const handle = second.handle<object>(run.id);
    expect(await time().until(handle.result())).toEqual({ note: at, moment: null });
    const fired = only(await scene().log(run.id), "timer.fired");
    expect(fired.map((event) => event.timer)).toEqual(["pause", "moment"]);
    expect(fired[1]?.at).toBe(at);
  });

  it("takes no place, no slot and no attempt of anybody", async () => {
    const options = { workflows: [nap], worker: { steps: 1, runs: 1 } };
    const millrace = await scene().open(options);
    const sleeping = [];
    for (let nth = 0; nth < 5; nth++) {
      sleeping.push(await millrace.start(nap));
      await time().pass(MINUTE_MS);
    }
    expect(millrace.hosted).toBe(0);
    for (const run of sleeping) await time().until(run.result());
    const log = await scene().log(sleeping[0]?.id);
    expect(only(log, "step.started")).toEqual([]);
  });
});

onVirtualTime("sleeping until", (scene, time) => {
  const until3 = workflow("until", async (ctx, at: number) => {
    await ctx.sleepUntil("date", new Date(at));
    const date = ctx.now();
    await ctx.sleepUntil("text", new Date(at + 60_000).toISOString());
    const text = ctx.now();
    await ctx.sleepUntil("past", at - WEEK_MS);
    return [date - at, text - at, ctx.now() - at];
  });

  it("takes a Date, text or milliseconds, fires at that moment, and at once in the past", async () => {
    const millrace = await scene().open({ workflows: [until3] });
    const run = await millrace.start(until3, time().now() + 10 * MINUTE_MS);
    expect(await time().until(run.result())).toEqual([0, 60_000, 60_000]);
  });

  it("a duration counts from when the step was reached, not from when it is awaited", async () => {
    const flow = workflow("both", async (ctx) => {
      const [slow, quick] = [ctx.sleep("slow", "20m"), ctx.sleep("quick", "10m")];
      await slow;
      await quick;
      return ctx.now();
    });
    const millrace = await scene().open({ workflows: [flow] });
    const began = time().now();
    const run = await millrace.start(flow);
    expect(await time().until(run.result())).toBe(began + 20 * MINUTE_MS);
  });

  it.each([
    ["no time", undefined],
    ["text without an offset", "2026-12-24T18:00:00"],
    ["an invalid Date", new Date("x")],
  ])("%s is refused", async (_what, at) => {
    const flow = workflow("bad", (ctx) => ctx.sleepUntil("x", at as string));
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await expect(time().until(run.result())).rejects.toMatchObject({
      cause: { name: "E_OPTION_INVALID" },
    });
  });
});

onVirtualTime("a step that sleeps", (scene, time) => {
  it("fails when its code names no time", async () => {
    const flow = graph("when")
      .sleep("nap", { until: () => "soon" })
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await expect(time().until(run.result())).rejects.toThrow(/nap.*not an instant/);
  });

  it("is left out by its condition, and then sets no timer", async () => {
    const flow = graph<number>("maybe")
      .sleep("nap", { for: "1d", when: (hours) => hours > 3 })
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow, 2);
    expect(await time().until(run.result(), 1_000)).toBe(null);
    expect(outline(await scene().log(run.id))).not.toContain("timer.set");
  });

  it("that is skipped leaves no timer behind", async () => {
    const flow = graph("skipped")
      .sleep("nap", { for: "1d" })
      .waitFor("word", { needs: ["nap"] })
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().pass(10_000);
    const nap = await run.actor("nap");
    nap.send({ type: "cmd.skip", now: time().now(), reason: "no time for that" });
    await time().pass(10_000);
    nap.stop();
    const events = await scene().log(run.id);
    expect(only(events, "timer.cancelled")).toMatchObject([{ timer: "nap" }]);
    const { waits } = await millrace.explain(run.id);
    expect(waits).toMatchObject([{ kind: "signal", step: "word", until: null }]);
    await run.signal("word", "awake");
    expect(await time().until(run.result(), 1_000)).toBe("awake");
  });
});

onStores(
  "a graph that sleeps",
  (scene) => {
    it("is parked meanwhile, and goes on by itself", async () => {
      const flow = graph("short").sleep("nap", { for: 150 }).build();
      const millrace = await scene().open({ workflows: [flow], parkAfter: 5 });
      const run = await millrace.start(flow);
      await until("it is parked", async () => (await run.get()).status === "parked");
      expect(await run.result({ timeoutMs: 25_000 })).toBe(null);
      const events = await scene().log(run.id);
      const [set, fired] = [only(events, "timer.set"), only(events, "timer.fired")];
      expect([set.length, fired.length]).toEqual([1, 1]);
      expect(fired[0]?.at).toBeGreaterThanOrEqual(set[0]?.due ?? Number.NaN);
    });
  },
  ALL_STORES,
);
