/**
 * Runs that go on as others: one end each, the next from it and once, and nothing that is sent to any of them
 * is lost or taken twice.
 */
import { expect, it } from "vitest";
import { workflow } from "../../src/index.ts";
import { ALL_STORES, only, onStores, outline, until } from "./kit/scene.ts";

/** Counts up to `to`, one run each. */
const counting = workflow("counting", async (ctx, { n, to }: { n: number; to: number }) => {
  const next = await ctx.run("add", () => n + 1);
  return next < to ? ctx.continueAsNew({ n: next, to }) : next;
});

interface Tally {
  readonly seen: readonly number[];
  readonly left: number;
}

/** Takes one signal per run, and goes on until it has had them all. */
const tally = workflow("tally", async (ctx, { seen, left }: Tally) => {
  const n = await ctx.waitFor<number>("number");
  const all = [...seen, n];
  return left === 1 ? all : ctx.continueAsNew({ seen: all, left: left - 1 });
});

onStores(
  "a run that continues as new",
  (scene) => {
    it("ends once, and its result is that of the last", async () => {
      const millrace = await scene().open({ workflows: [counting] });
      const run = await millrace.start(
        counting,
        { n: 0, to: 4 },
        { id: "loop", labels: { kind: "loop" } },
      );
      expect(await run.result()).toBe(4);
      const runs = (await millrace.list({ workflow: "counting" })).toReversed();
      expect(runs.map(({ status }) => status)).toEqual([
        ...Array(3).fill("continued"),
        "completed",
      ]);
      expect(runs.every(({ labels }) => labels["kind"] === "loop")).toBe(true);
      for (const { run: id } of runs) expect(await millrace.result(id)).toBe(4);
      const third = await millrace.get(runs[2]?.run ?? "");
      const previous = runs[1]?.run;
      expect(third).toMatchObject({ chain: { first: "loop", previous, index: 3 } });
      expect(third.next).toBe(runs[3]?.run);
      expect(outline(await scene().log("loop")).at(-1)).toBe("run.continued");
    });

    it("hands on the signals that it has not taken, whoever they were sent to", async () => {
      const count = 40;
      const millrace = await scene().open({ workflows: [tally] });
      const run = await millrace.start(tally, { seen: [], left: count });
      const sent = Array.from({ length: count }, (_, n) => n);
      for (const n of sent) {
        const id = `signal-${n}`;
        await run.signal("number", n, { id });
        // Once more, and to whichever run of the chain is known: no news.
        if (n % 5 === 0) await run.signal("number", n, { id });
        if (n % 3 === 0) {
          const [newest] = await millrace.list({ workflow: "tally", limit: 1 });
          await millrace.signal(newest?.run ?? run.id, "number", n, { id }).catch(() => undefined);
        }
      }
      expect((await run.result()) as number[]).toEqual(sent);
      const matched = only(await scene().log(), "wait.matched").map(({ signal }) => signal);
      expect(matched.toSorted()).toEqual(sent.map((n) => `signal-${n}`).toSorted());
    });

    it("has its parent told by the last, and is found by whoever asks for its end", async () => {
      const parent = workflow("parent", async (ctx) =>
        ctx.child("loop", counting, { n: 0, to: 3 }),
      );
      const endless = workflow("endless", async (ctx, n: number): Promise<void> => {
        await ctx.waitFor("go");
        await ctx.continueAsNew(n + 1);
      });
      const millrace = await scene().open({ workflows: [parent, counting, endless] });
      expect(await (await millrace.start(parent)).result()).toBe(3);
      const run = await millrace.start(endless, 0);
      await run.signal("go");
      await until("it goes on", async () => (await run.get()).status === "continued");
      await run.cancel();
      await expect(run.result()).rejects.toMatchObject({ code: "E_RUN_CANCELLED" });
    });
  },
  ALL_STORES,
);

onStores("a loop of a thousand runs", (scene) => {
  it("loses no signal of those that come all the time, and takes none twice", async () => {
    const loops = 1_000;
    const sends = 200;
    /** Goes on as fast as it can, and takes what has come meanwhile. */
    const spinning = workflow(
      "spinning",
      async (ctx, { nth, seen }: { nth: number; seen: readonly number[] }) => {
        const got = [...seen];
        if (nth >= loops) {
          while (got.length < sends) got.push(await ctx.waitFor<number>("number"));
          return got;
        }
        const n = await ctx.waitFor<number>("number", { timeout: 0 });
        return ctx.continueAsNew({ nth: nth + 1, seen: n === undefined ? got : [...got, n] });
      },
    );
    const millrace = await scene().open({ workflows: [spinning] });
    const run = await millrace.start(spinning, { nth: 1, seen: [] }, { id: "first" });
    for (let n = 0; n < sends; n++) await run.signal("number", n, { id: `s${n}` });
    const got = (await run.result({ timeoutMs: 110_000 })) as number[];
    expect(got.toSorted((a, b) => a - b)).toEqual(Array.from({ length: sends }, (_, n) => n));
    const runs = await millrace.list({ limit: loops + 1 });
    expect(runs).toHaveLength(loops);
    expect(runs.filter(({ status }) => status === "continued")).toHaveLength(loops - 1);
    const received = only(await scene().log(), "wait.matched").map(({ signal }) => signal);
    expect(new Set(received).size).toBe(received.length);
  });
});
