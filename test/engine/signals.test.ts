/**
 * Signals: each is taken once and in order, whenever it comes: before the run exists, before anybody
 * waits for it, while the run is parked or about to be, and however the inbox delivers it.
 */
import { expect, it } from "vitest";
import { workflow } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import type { StoredInput } from "../../src/ports/inbox.ts";
import { faulty } from "./kit/faulty.ts";
import { ALL_STORES, only, onStores, onVirtualTime, sleep, until } from "./kit/scene.ts";

const words = workflow("words", async (ctx, count: number) => {
  const heard: unknown[] = [];
  for (let nth = 0; nth < count; nth++) heard.push(await ctx.waitFor("word"));
  return heard;
});

onStores(
  "signals",
  (scene) => {
    it("that come before the run exists are kept for it", async () => {
      const millrace = await scene().open({ workflows: [words] });
      for (let nth = 0; nth < 5; nth++) await millrace.signal("later", "word", nth);
      const run = await millrace.start(words, 5, { id: "later" });
      expect(await run.result()).toEqual([0, 1, 2, 3, 4]);
    });

    it("that come before anybody waits are kept for who waits first", async () => {
      const gate = deferred<void>();
      const flow = workflow("late-waiter", async (ctx) => {
        await ctx.run("gate", () => gate.promise);
        return [await ctx.waitFor("b"), await ctx.waitFor("a"), await ctx.waitFor("b")];
      });
      const millrace = await scene().open({ workflows: [flow] });
      const run = await millrace.start(flow);
      for (const [name, payload] of [
        ["a", 1],
        ["b", 2],
        ["b", 3],
      ] as const) {
        await run.signal(name, payload);
      }
      gate.resolve();
      expect(await run.result()).toEqual([2, 1, 3]);
    });

    it("with the same id are taken once, from whomever and however often they come", async () => {
      const [one, other] = [await scene().open({ workflows: [words] }), await scene().open()];
      const run = await one.start(words, 3);
      const sent = ["x", "y", "z"].flatMap((id) =>
        [one, other, one, other].map((from) => from.signal(run.id, "word", id, { id })),
      );
      await Promise.all(sent);
      expect(new Set((await run.result()) as string[])).toEqual(new Set(["x", "y", "z"]));
      expect(only(await scene().log(run.id), "signal.received")).toHaveLength(3);
    });

    it("reach a parked run, hosted by nobody", async () => {
      const millrace = await scene().open({ workflows: [words], parkAfter: 1 });
      const run = await millrace.start(words, 2);
      for (const word of ["first", "second"]) {
        await until("it is parked", async () => (await run.get()).status === "parked");
        await until("it is hosted by nobody", () => millrace.hosted === 0);
        await run.signal("word", word);
      }
      expect(await run.result({ timeoutMs: 25_000 })).toEqual(["first", "second"]);
    });

    it("are not lost to a run that is being parked, from another process", async () => {
      const host = await scene().open({ workflows: [words], parkAfter: 1, sweepEvery: "1h" });
      const sender = await scene().open();
      const runs = await Promise.all(Array.from({ length: 20 }, () => host.start(words, 3)));
      const talk = async (id: string, nth: number): Promise<void> => {
        for (let word = 0; word < 3; word++) {
          await sleep((nth * 7 + word * 3) % 11);
          await (nth % 2 === 0 ? host : sender).signal(id, "word", word);
        }
      };
      await Promise.all(runs.map((run, nth) => talk(run.id, nth)));
      for (const run of runs) {
        expect(await run.result({ timeoutMs: 25_000 })).toEqual([0, 1, 2]);
      }
    });

    it("after the end are refused, and no news when the run had taken them", async () => {
      const millrace = await scene().open({ workflows: [words] });
      const run = await millrace.start(words, 1);
      await run.signal("word", 1, { id: "taken" });
      await run.result();
      await run.signal("word", 1, { id: "taken" });
      await expect(run.signal("word", 2)).rejects.toMatchObject({ code: "E_COMMAND_REFUSED" });
      const { inbox } = await scene().store();
      await until("nothing is left", async () => (await inbox.read(run.id, 0)).length === 0);
    });

    it("that are no JSON, or of nothing, are refused or null", async () => {
      const millrace = await scene().open({ workflows: [words] });
      const run = await millrace.start(words, 1);
      await expect(run.signal("word", new Map())).rejects.toMatchObject({ code: "E_NOT_JSON" });
      await run.signal("word");
      expect(await run.result()).toEqual([null]);
    });
  },
  ALL_STORES,
);

onStores(
  "an inbox",
  (scene) => {
    it("that delivers live while older inputs are still being read loses none", async () => {
      const reading = deferred<void>();
      const live = deferred<(input: StoredInput) => void>();
      const slowReads = faulty({
        inbox: (inbox) => ({
          async read(run, after) {
            const found = await inbox.read(run, after);
            if (run === "held") await reading.promise;
            return found;
          },
          watch(run, onInput, onGap) {
            if (run === "held") live.resolve(onInput);
            return inbox.watch(run, onInput, onGap);
          },
        }),
      });
      const client = await scene().open({ workflows: [words], worker: false });
      const run = await client.start(words, 2, { id: "held" });
      await run.signal("word", "first");
      await scene().open({ workflows: [words], wrap: slowReads });
      await live.promise;
      await sleep(20);
      await run.signal("word", "second");
      await sleep(50);
      reading.resolve();
      expect(await run.result({ timeoutMs: 25_000 })).toEqual(["first", "second"]);
    });

    it("that reports a gap is read again, and what comes meanwhile is in order", async () => {
      const gap = deferred<() => void>();
      const deaf = { now: false };
      const gappy = faulty({
        inbox: (inbox) => ({
          async read(run, after) {
            const found = await inbox.read(run, after);
            await sleep(30);
            return found;
          },
          watch(run, onInput, onGap) {
            gap.resolve(onGap);
            return inbox.watch(run, (input) => deaf.now || onInput(input), onGap);
          },
        }),
      });
      const millrace = await scene().open({ workflows: [words], wrap: gappy });
      const run = await millrace.start(words, 3);
      const onGap = await gap.promise;
      await until("it is hosted", async () => (await run.get()).status === "running");
      await sleep(60);
      deaf.now = true;
      await run.signal("word", "missed");
      await sleep(20);
      deaf.now = false;
      onGap();
      await run.signal("word", "live");
      onGap();
      await run.signal("word", "last");
      expect(await run.result({ timeoutMs: 25_000 })).toEqual(["missed", "live", "last"]);
    });

    const foreign: readonly (readonly [string, unknown])[] = [
      ["no JSON", undefined],
      ["another kind", { kind: "other", id: "x" }],
      ["a signal without payload", { kind: "signal", id: "x", name: "word", payload: null }],
      ["a payload that is no value", { kind: "signal", id: "x", name: "word", payload: {} }],
      [
        "a payload of items",
        { kind: "signal", id: "x", name: "word", payload: { items: 1e9, of: "a" } },
      ],
      [
        "a command of the host",
        { kind: "step", id: "x", step: "s", command: "cmd.schedule", reason: "" },
      ],
      ["a start of a step", { kind: "step", id: "x", step: "s", command: "cmd.start", reason: "" }],
      ["a cancel without reason", { kind: "cancel", id: "x", by: "me" }],
      [
        "a cancel of 700 KiB",
        { kind: "cancel", id: "x", by: "me", reason: randomText(700 * 1024) },
      ],
      [
        "a step of 700 KiB",
        { kind: "step", id: "x", step: randomText(700 * 1024), command: "cmd.skip", reason: "" },
      ],
    ];

    it.each(foreign)(
      "that holds %s: it is recorded as an anomaly, and the run goes on",
      async (_what, input) => {
        const millrace = await scene().open({ workflows: [words] });
        const run = await millrace.start(words, 1);
        const text = input === undefined ? "{ no" : JSON.stringify(input);
        await (await scene().store()).inbox.post(run.id, Buffer.from(text));
        await run.signal("word", "good");
        expect(await run.result({ timeoutMs: 25_000 })).toEqual(["good"]);
        const [anomaly, ...others] = only(await scene().log(run.id), "anomaly.recorded");
        expect(anomaly?.kind).toBe("unreadable-input");
        expect(others).toEqual([]);
      },
    );
  },
  ALL_STORES,
);

function randomText(length: number): string {
  const part = () => Math.random().toString(36).slice(2);
  return Array.from({ length: Math.ceil(length / 8) }, part)
    .join("")
    .slice(0, length);
}

onVirtualTime("a signal and a timer", (scene, time) => {
  it("wake a parked run in the order in which they come", async () => {
    const flow = workflow("both", async (ctx) => {
      const order: string[] = [];
      const slept = ctx.sleep("nap", "10m").then(() => order.push("timer"));
      const heard = ctx.waitFor("word").then(() => order.push("signal"));
      await ctx.all([slept, heard]);
      return order;
    });
    const millrace = await scene().open({ workflows: [flow] });
    const [early, late] = [await millrace.start(flow), await millrace.start(flow)];
    await time().pass(60_000);
    expect(millrace.hosted).toBe(0);
    await early.signal("word");
    await time().pass(660_000);
    await late.signal("word");
    expect(await time().until(early.result())).toEqual(["signal", "timer"]);
    expect(await time().until(late.result())).toEqual(["timer", "signal"]);
  });
});
