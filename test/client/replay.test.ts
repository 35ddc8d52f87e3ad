/** Runs as they were, on real stores: graphs, code, forks; and a replay at the speed that is asked for. */
import { expect, it } from "vitest";
import { graph, type Millrace, type RunMoment, workflow } from "../../src/index.ts";
import { ALL_STORES, all, onStores, onVirtualTime, refusal } from "../engine/kit/scene.ts";

const busy = graph<number>("busy")
  .step("list", (_ctx, count) => Array.from({ length: count }, (_, index) => index))
  .map("work", { over: "list", concurrency: 2 }, async (ctx, item: number) => {
    await ctx.emit(`out-${item}`, item);
    if (item === 0) await ctx.checkpoint({ item });
    return item;
  })
  .build();
const talk = workflow("talk", async (ctx, word: string) => {
  await ctx.sleep("nap", 5);
  const answer = await ctx.waitFor("answer");
  return ctx.run("join", () => `${word} ${answer}`);
});
const workflows = [busy, talk];

/** Every moment of the run, by seq, by replay and by time, says the same. */
async function agree(millrace: Millrace, run: string): Promise<void> {
  const shown = await all(millrace.replay(run));
  const { seq: last } = await millrace.get(run);
  expect(shown.map(({ event }) => event.seq)).toEqual(
    Array.from({ length: last }, (_, index) => index + 1),
  );
  expect(shown.map(({ event }) => event)).toEqual(
    await all(millrace.subscribe({ run, live: false })),
  );
  for (const [index, { event, before, after }] of shown.entries()) {
    expect(before).toEqual(shown[index - 1]?.after ?? null);
    expect(await millrace.stateAt(run, event.seq)).toEqual(after);
    expect(after).toMatchObject(await millrace.get(run, { seq: event.seq }));
    const { length } = shown.filter((one) => one.event.at <= event.at);
    const later = shown.findIndex((one) => one.event.at > event.at);
    if (later === length || later < 0) {
      const then = await millrace.stateAt(run, { time: new Date(event.at) });
      expect(then).toEqual(shown[length - 1]?.after);
    }
  }
}

onStores(
  "a run as it was",
  (scene) => {
    it("is the same by seq, by time and in a replay", async () => {
      const millrace = await scene().open({ workflows });
      const run = await millrace.start(busy, 5);
      await run.result();
      await agree(millrace, run.id);
      const { outputs, checkpoints, steps } = await millrace.stateAt(run.id, 1_000_000);
      expect(outputs.filter(({ producer }) => producer.startsWith("work"))).toHaveLength(5);
      expect(checkpoints).toMatchObject([{ checkpoint: 1 }]);
      expect(steps).toHaveLength(7);
    });

    it("tells timers, waits and signals, and the diff says what became of them", async () => {
      const millrace = await scene().open({ workflows });
      const run = await millrace.start(talk, "hello");
      const seqs: Record<string, number> = {};
      for await (const { type, seq } of run.events()) {
        seqs[type] = seq;
        if (type === "wait.opened") await run.signal("answer", "you", { id: "s1" });
      }
      await agree(millrace, run.id);
      const at = (type: string): number => seqs[type] ?? 0;
      const napping = await millrace.stateAt(run.id, at("timer.set"));
      expect(napping.timers).toMatchObject([{ timer: "nap" }]);
      const waiting = await millrace.stateAt(run.id, at("wait.opened"));
      expect(waiting).toMatchObject({ timers: [], waits: [{ wait: "answer", name: "answer" }] });
      const end = await millrace.stateAt(run.id, at("run.completed"));
      expect(end.signals).toMatchObject([{ id: "s1", takenBy: "answer" }]);
      const diff = await millrace.diff(run.id, at("wait.opened"), at("run.completed"));
      expect(diff.waits).toMatchObject([{ before: { wait: "answer" }, after: null }]);
      expect(diff.signals).toMatchObject([{ before: null, after: { id: "s1" } }]);
      expect(diff.steps).toMatchObject([{ before: null, after: { step: "join" } }]);
      expect(diff.fields.find(({ field }) => field === "output")).toMatchObject({
        before: null,
        after: { json: "hello you" },
      });
    });

    it("is told of forks too, from what they inherited on", async () => {
      const millrace = await scene().open({ workflows });
      const run = await millrace.start(busy, 4);
      await run.result();
      const done = await all(run.events({ types: ["step.completed"] }));
      const fork = await millrace.fork(run.id, { seq: done[2]?.seq ?? 0 });
      await fork.result();
      await agree(millrace, fork.id);
      const first = await millrace.stateAt(fork.id, 1);
      expect(first.steps.filter(({ status }) => status === "completed")).toHaveLength(3);
    });

    it("does not exist before its first event", async () => {
      const millrace = await scene().open({ workflows });
      const run = await millrace.start(busy, 1);
      const asked = millrace.stateAt(run.id, { time: 0 });
      expect(await refusal(asked)).toMatchObject({
        code: "E_RUN_NOT_FOUND",
        message: expect.stringContaining("at 1970-01-01T00:00:00.000Z"),
      });
      expect(await refusal(all(millrace.replay("nobody")))).toMatchObject({
        code: "E_RUN_NOT_FOUND",
      });
    });
  },
  ALL_STORES,
);

onVirtualTime("a replay", (scene, time) => {
  const slow = workflow("slow", async (ctx) => {
    await ctx.sleep("short", 1_000);
    await ctx.sleep("long", 100_000);
  });

  it("gives a part of the run, at the speed that is asked for", async () => {
    const millrace = await scene().open({ workflows: [slow] });
    const run = await millrace.start(slow);
    await time().until(run.result());
    const events = await time().until(all(run.events()));
    const took = async (options: object): Promise<[number, number]> => {
      const began = time().now();
      const shown = await time().until(all(millrace.replay(run.id, options)));
      return [shown.length, time().now() - began];
    };
    const [first, last] = [events[0]?.at ?? 0, events.at(-1)?.at ?? 0];
    expect(await took({})).toEqual([events.length, 0]);
    expect(await took({ speed: 1 })).toEqual([events.length, last - first]);
    const [, fast] = await took({ speed: 10 });
    expect(fast).toBeCloseTo((last - first) / 10, 0);
    const [, capped] = await took({ speed: 1, maxPause: "2s" });
    expect(capped).toBeLessThan(6_000);
    expect(await took({ from: 2, to: 4 })).toEqual([3, 0]);
    const fired = events.find(({ type }) => type === "timer.fired");
    const moment: RunMoment = { time: fired?.at ?? 0 };
    const [after] = await took({ from: moment });
    const [until] = await took({ to: moment });
    expect(after).toBe(events.filter(({ at }) => at >= (fired?.at ?? 0)).length);
    expect(until).toBe(events.filter(({ at }) => at <= (fired?.at ?? 0)).length);
  });

  it("ends when its signal aborts, in the middle of a wait", async () => {
    const millrace = await scene().open({ workflows: [slow] });
    const run = await millrace.start(slow);
    await time().until(run.result());
    const stop = new AbortController();
    const playing = all(millrace.replay(run.id, { speed: 1, signal: stop.signal }));
    await time().pass(1_500);
    stop.abort();
    const shown = await time().until(playing);
    expect(shown.length).toBeGreaterThan(2);
    expect(shown.at(-1)?.after.status).not.toBe("completed");
  });
});
