/**
 * Passivation: a run that waits is held by nobody, wakes at its time and for what it is told, and a
 * ticket that comes for nothing writes nothing.
 */
import { expect, it } from "vitest";
import { graph, workflow } from "../../src/index.ts";
import { addressOfNode } from "../../src/ports/inbox.ts";
import { faulty } from "./kit/faulty.ts";
import { ALL_STORES, only, onStores, onVirtualTime, outline, sleep, until } from "./kit/scene.ts";

const napping = workflow("napping", async (ctx, nap: string) => {
  const before = await ctx.run("before", () => 1);
  await ctx.sleep("nap", nap);
  return before + (await ctx.run("after", () => 1));
});

const waiting = workflow("waiting", (ctx) => ctx.waitFor("word"));

onVirtualTime("a run that waits for a time", (scene, time) => {
  it("is hosted by nobody meanwhile, and wakes at that very moment", async () => {
    const millrace = await scene().open({ workflows: [napping] });
    const run = await millrace.start(napping, "1h");
    await time().pass(10_000);
    expect(millrace.hosted).toBe(0);
    const { status, parkedUntil, node } = await run.get();
    expect([status, node]).toEqual(["parked", null]);
    expect(await time().until(run.result())).toBe(2);
    const [fired] = only(await scene().log(run.id), "timer.fired");
    expect(fired?.at).toBe(parkedUntil);
  });

  it("stays in its process when the wait is short", async () => {
    const millrace = await scene().open({ workflows: [napping], parkAfter: "1m" });
    const run = await millrace.start(napping, "59s");
    expect(await time().until(run.result())).toBe(2);
    expect(only(await scene().log(run.id), "run.parked")).toEqual([]);
  });

  it("wakes though everybody was away at that moment", async () => {
    const first = await scene().open({ workflows: [napping] });
    const run = await first.start(napping, "1h");
    await time().pass(60_000);
    await time().until(scene().close(first));
    await time().pass(7_200_000);
    const second = await scene().open({ workflows: [napping] });
    expect(await time().until(second.handle(run.id).result(), 1_000)).toBe(2);
  });

  it("waits for its retry parked as well", async () => {
    const flow = graph("patient")
      .step("only", { retry: { initial: "2h", max: "2h", jitter: 0 } }, (ctx) => {
        if (ctx.attempt === 1) throw new Error("later");
        return ctx.attempt;
      })
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().pass(10_000);
    expect([millrace.hosted, (await run.get()).status]).toEqual([0, "parked"]);
    expect(await time().until(run.result(), 7_200_000)).toBe(2);
  });
});

onStores(
  "a parked run",
  (scene) => {
    it("gets no event from tickets that come for nothing", async () => {
      const millrace = await scene().open({ workflows: [napping, waiting], parkAfter: 1 });
      const runs = [await millrace.start(napping, "1h"), await millrace.start(waiting)];
      for (const run of runs) {
        await until("it is parked", async () => (await run.get()).status === "parked");
      }
      await until("nobody is hosted", () => millrace.hosted === 0);
      const before = outline(await scene().log());
      const { queue } = await scene().store();
      for (let round = 0; round < 3; round++) {
        await queue.offer({ workflow: "napping", run: runs[0]?.id ?? "" });
        await queue.offer({ workflow: "waiting", run: runs[1]?.id ?? "" });
        await sleep(30);
      }
      expect(outline(await scene().log())).toEqual(before);
      await runs[1]?.signal("word", "still there");
      expect(await runs[1]?.result({ timeoutMs: 25_000 })).toBe("still there");
    });

    it("is not forgotten when a signal comes while such a ticket is looked at", async () => {
      const client = await scene().open({ workflows: [waiting], worker: false });
      let [reads, armed, told] = [0, false, false];
      const tellWhileLooking = faulty({
        inbox: (inbox) => ({
          async read(run, after) {
            const found = await inbox.read(run, after);
            // The process reads its own mail, too.
            if (run === addressOfNode("looking")) return found;
            const { status } = await client.get(run);
            reads++;
            if (armed && status === "parked" && found.length === 0 && !told) {
              told = true;
              await client.signal(run, "word", "just now");
            }
            return found;
          },
        }),
      });
      const run = await client.start(waiting);
      const first = await scene().open({ workflows: [waiting], parkAfter: 1 });
      await until("it is parked", async () => (await run.get()).status === "parked");
      await scene().close(first);
      const options = { workflows: [waiting], node: "looking", sweepEvery: "1h" } as const;
      await scene().open({ ...options, wrap: tellWhileLooking });
      await until("the sweep at its start has looked", () => reads > 0);
      armed = true;
      const { queue } = await scene().store();
      await queue.offer({ workflow: "waiting", run: run.id });
      expect(await run.result({ timeoutMs: 25_000 })).toBe("just now");
      expect(told).toBe(true);
    });

    it("is one of 500, none of them hosted, and each wakes for its own signal", async () => {
      const millrace = await scene().open({ workflows: [waiting], parkAfter: 1 });
      const runs = await Promise.all(Array.from({ length: 500 }, () => millrace.start(waiting)));
      await until("all are parked", async () => {
        const parked = await millrace.list({ status: "parked", limit: 1_000 });
        return parked.length === 500;
      });
      await until("nobody is hosted", () => millrace.hosted === 0);
      await Promise.all(runs.map((run, nth) => run.signal("word", nth)));
      await until("all have ended", async () => {
        const ended = await millrace.list({ status: "completed", limit: 1_000 });
        return ended.length === 500;
      });
      const results = await Promise.all(runs.map((run) => run.result({ timeoutMs: 25_000 })));
      expect(results).toEqual(runs.map((_, nth) => nth));
    });
  },
  ALL_STORES,
);

onStores(
  "a ticket with a hint that is out of date",
  (scene) => {
    it("writes nothing to a parked run", async () => {
      const client = await scene().open({ workflows: [waiting], worker: false });
      const run = await client.start(waiting);
      const store = await scene().store();
      const [created] = await scene().log(run.id);
      let hint: { position: number; bytes: Uint8Array } | undefined;
      for await (const stored of store.log.read({ run: run.id, limit: 1 })) hint = stored;
      expect(hint?.position).toBe(created?.position);
      const millrace = await scene().open({ workflows: [waiting], parkAfter: 1 });
      await until("it is parked", async () => (await run.get()).status === "parked");
      await until("nobody is hosted", () => millrace.hosted === 0);
      const before = outline(await scene().log(run.id));
      for (let round = 0; round < 3; round++) {
        await store.queue.offer({ workflow: "waiting", run: run.id, ...(hint && { hint }) });
        await sleep(30);
      }
      expect(outline(await scene().log(run.id))).toEqual(before);
      await run.signal("word", "there");
      expect(await run.result({ timeoutMs: 25_000 })).toBe("there");
    });
  },
  ["memory"],
);
