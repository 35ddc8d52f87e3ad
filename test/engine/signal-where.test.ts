/**
 * Signals to many runs at once: by correlation key, workflow and labels; once per run and id; also to runs
 * that are started afterwards, at that very moment, or in the place of others.
 */
import { expect, it } from "vitest";
import { workflow } from "../../src/index.ts";
import { digest } from "../../src/kernel/json.ts";
import { addressOfKey, type Inbox } from "../../src/ports/inbox.ts";
import { faulty } from "./kit/faulty.ts";
import { ALL_STORES, only, onStores, onVirtualTime, refusal, until } from "./kit/scene.ts";

const payment = workflow("payment", async (ctx, order: string) => {
  return `${order}: ${await ctx.waitFor("paid")}`;
});
const other = workflow("other", (ctx) => ctx.waitFor("paid"));

const HOUR_MS = 3_600_000;
const KEY_K = addressOfKey(digest("k"));

onStores(
  "a signal to a correlation key",
  (scene) => {
    it("reaches every run that has the key, and no other", async () => {
      const millrace = await scene().open({ workflows: [payment], parkAfter: 1 });
      const sender = await scene().open();
      const [one, two, foreign] = await Promise.all([
        millrace.start(payment, "a", { id: "one", correlation: "customer 7" }),
        millrace.start(payment, "b", { id: "two", correlation: "customer 7" }),
        millrace.start(payment, "c", { id: "foreign", correlation: "customer 77" }),
      ]);
      await until("they are parked", async () => (await millrace.count()).parked === 3);
      const told = await sender.signalWhere({ correlation: "customer 7" }, "paid", 5);
      expect([...told].sort()).toEqual(["one", "two"]);
      expect([await one.result(), await two.result()]).toEqual(["a: 5", "b: 5"]);
      expect((await foreign.get()).status).toBe("parked");
    });

    it("is kept for runs that are started later, and taken once by each", async () => {
      const millrace = await scene().open({ workflows: [payment] });
      const send = () => millrace.signalWhere({ correlation: "k" }, "paid", 1, { id: "p-1" });
      expect(await send()).toEqual([]);
      const first = await millrace.start(payment, "a", { correlation: "k" });
      expect(await first.result()).toBe("a: 1");
      await send();
      const second = await millrace.start(payment, "b", { correlation: "k" });
      expect(await second.result()).toBe("b: 1");
      for (const run of [first.id, second.id]) {
        expect(only(await scene().log(run), "signal.received")).toHaveLength(1);
      }
    });
  },
  ALL_STORES,
);

onStores("signals to many runs", (scene) => {
  it("are taken once per run however often and by whomever they are sent", async () => {
    const millrace = await scene().open({ workflows: [payment] });
    const sender = await scene().open();
    const runs = await Promise.all(
      Array.from({ length: 20 }, (_, nth) =>
        millrace.start(payment, `o${nth}`, { id: `run-${nth}`, correlation: "all" }),
      ),
    );
    const send = () => sender.signalWhere({ correlation: "all" }, "paid", "x", { id: "once" });
    await Promise.all([send(), send(), send()]);
    for (const [nth, run] of runs.entries()) {
      expect(await run.result()).toBe(`o${nth}: x`);
      expect(only(await scene().log(run.id), "signal.received")).toHaveLength(1);
    }
    expect(await send()).toEqual([]);
  });

  it("reach runs that are started at that very moment", async () => {
    const millrace = await scene().open({ workflows: [payment] });
    const sender = await scene().open();
    const pairs = Array.from({ length: 30 }, async (_, nth) => {
      const correlation = `key-${nth}`;
      const sent = sender.signalWhere({ correlation }, "paid", nth);
      const run = await millrace.start(payment, "now", { correlation });
      await sent;
      expect(await run.result({ timeoutMs: 25_000 })).toBe(`now: ${nth}`);
    });
    await Promise.all(pairs);
  });

  it("reach a run although whoever sent them died after keeping them", async () => {
    const client = await scene().open({ workflows: [payment], worker: false });
    const dying = await scene().open({ wrap: faulty({ inbox: dieBehindKey }) });
    const run = await client.start(payment, "a", { correlation: "k" });
    const failure = refusal(dying.signalWhere({ correlation: "k" }, "paid", 1));
    expect(String(await failure)).toContain("the sender is dead");
    await scene().open({ workflows: [payment] });
    expect(await run.result()).toBe("a: 1");
  });

  it("go by workflow and labels too, alone or together with the key", async () => {
    const millrace = await scene().open({ workflows: [payment, other] });
    const options = { labels: { tenant: "x" }, correlation: "k" };
    const kept = { workflow: "payment", labels: { tenant: "x" } };
    await millrace.signalWhere({ ...kept, correlation: "k" }, "paid", "kept");
    const runs = [
      await millrace.start(payment, "a", options),
      await millrace.start(other, undefined, { ...options, id: "b" }),
      await millrace.start(payment, "c", { id: "c", labels: { tenant: "y" }, correlation: "k" }),
      await millrace.start(other, undefined, { id: "d", labels: { tenant: "x" } }),
    ] as const;
    expect(await runs[0].result()).toBe("a: kept");
    expect(await millrace.signalWhere({ workflow: "payment" }, "paid", 1)).toEqual(["c"]);
    const told = await millrace.signalWhere({ labels: { tenant: "x" } }, "paid", 2);
    expect([...told].sort()).toEqual(["b", "d"]);
    expect([await runs[1].result(), await runs[3].result()]).toEqual([2, 2]);
  });

  it("follow a run that goes on as others, and are not taken twice by its chain", async () => {
    const loop = workflow("loop", async (ctx, heard: number[]) => {
      const word = await ctx.waitFor<number>("word");
      const all = [...heard, word];
      return all.length < 3 ? ctx.continueAsNew(all) : all;
    });
    const millrace = await scene().open({ workflows: [loop] });
    const run = await millrace.start(loop, [], { correlation: "k" });
    for (const word of [1, 2, 2, 3]) {
      await millrace.signalWhere({ correlation: "k" }, "word", word, { id: `w-${word}` });
    }
    expect(await run.result()).toEqual([1, 2, 3]);
  });

  it("are refused when nothing says for whom, or with what makes no sense", async () => {
    const millrace = await scene().open({ workflows: [payment] });
    const attempts = [
      millrace.signalWhere({}, "paid"),
      millrace.signalWhere({ correlation: "" }, "paid"),
      millrace.signalWhere({ correlation: "x".repeat(257) }, "paid"),
      millrace.signalWhere({ workflow: "payment" }, "paid", 1, { keep: "1h" }),
      millrace.signalWhere({ correlation: "k" }, "paid", 1, { keep: "91d" }),
      millrace.start(payment, "a", { correlation: "" }),
    ];
    for (const attempt of attempts) {
      expect(await refusal(attempt)).toMatchObject({ code: "E_OPTION_INVALID" });
    }
  });
});

/** What is posted to keys goes through; what is posted to runs does not. */
function dieBehindKey(inbox: Inbox): Partial<Inbox> {
  return {
    post: (address, bytes) =>
      address.startsWith("~")
        ? inbox.post(address, bytes)
        : Promise.reject(new Error("the sender is dead")),
  };
}

onVirtualTime("a signal kept for a correlation key", (scene, time) => {
  it("is for runs that are created in time, whenever they begin", async () => {
    const client = await scene().open({ workflows: [payment], worker: false });
    await client.signalWhere({ correlation: "k" }, "paid", "old", { keep: "2h" });
    await client.signalWhere({ correlation: "k" }, "paid", "now or never", { keep: 0 });
    await time().pass(HOUR_MS);
    const delayed = await client.start(payment, "a", { correlation: "k", delay: "5h" });
    await time().pass(2 * HOUR_MS);
    const late = await client.start(payment, "b", { correlation: "k" });
    await time().pass(4 * HOUR_MS);
    await scene().open({ workflows: [payment] });
    expect(await time().until(delayed.result())).toBe("a: old");
    expect((await late.explain()).waits[0]?.kind).toBe("signal");
  });

  it("is kept for a day by default, and what is long over is thrown away", async () => {
    const client = await scene().open({ workflows: [payment], worker: false });
    const { inbox } = await scene().store();
    const kept = async () => (await inbox.read(KEY_K, 0)).length;
    for (const id of ["p-1", "p-1", "p-2"]) {
      await client.signalWhere({ correlation: "k" }, "paid", id, { id });
    }
    expect(await kept()).toBe(2);
    await time().pass(25 * HOUR_MS);
    const late = await client.start(payment, "a", { correlation: "k" });
    await time().pass(91 * 24 * HOUR_MS);
    expect(await kept()).toBe(2);
    await client.signalWhere({ correlation: "k" }, "paid", "new");
    expect(await kept()).toBe(1);
    await scene().open({ workflows: [payment] });
    expect(await time().until(late.result())).toBe("a: new");
  });
});
