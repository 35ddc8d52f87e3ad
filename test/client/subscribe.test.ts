/** Following a run: history, then live, every event once and in order, for any number of readers. */
import { expect, it } from "vitest";
import { graph, type Millrace, type RecordedEvent, workflow } from "../../src/index.ts";
import { ALL_STORES, onStores, refusal, sleep, until } from "../engine/kit/scene.ts";

const busy = graph<number>("busy")
  .step("list", (_ctx, count) => Array.from({ length: count }, (_, index) => index))
  .map("work", { over: "list", concurrency: 3 }, async (ctx, item: number) => {
    if (item % 4 === 0) await ctx.note("item", item);
    return item;
  })
  .build();

const waiting = workflow("waiting", (ctx) => ctx.waitFor("word"));

async function follow(millrace: Millrace, run: string, from = 1): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const event of millrace.subscribe({ run, from })) events.push(event);
  return events;
}

onStores(
  "subscribe",
  (scene) => {
    it("gives every event once and in order, across many runs and many readers", async () => {
      const host = await scene().open({ workflows: [busy] });
      const reader = await scene().open({ worker: false });
      const followed = Array.from({ length: 12 }, async (_, nth) => {
        const run = await host.start(busy, 10);
        const readers = [host, reader, host, reader].map(async (from, late) => {
          await sleep(late * 3 + nth);
          return follow(from, run.id);
        });
        return { run: run.id, seen: await Promise.all(readers) };
      });
      for (const { run, seen } of await Promise.all(followed)) {
        const log = await scene().log(run);
        expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1));
        for (const events of seen) expect(events).toEqual(log);
      }
    });

    it("begins at any seq, in the middle of a frame too", async () => {
      const millrace = await scene().open({ workflows: [busy] });
      const run = await millrace.start(busy, 3);
      await run.result();
      const log = await scene().log(run.id);
      for (let from = 1; from <= log.length; from++) {
        expect(await follow(millrace, run.id, from)).toEqual(log.slice(from - 1));
      }
      expect(await follow(millrace, run.id, log.length + 10)).toEqual([]);
    });

    it("waits for a run that does not exist yet", async () => {
      const millrace = await scene().open({ workflows: [busy] });
      const followed = follow(millrace, "later");
      await sleep(20);
      await millrace.start(busy, 2, { id: "later" });
      expect(await followed).toEqual(await scene().log("later"));
    });

    it("ends when its signal aborts, before or while it waits", async () => {
      const millrace = await scene().open({ workflows: [waiting] });
      const run = await millrace.start(waiting);
      await until("it runs", async () => (await run.get()).status !== "pending");
      for (const beforehand of [true, false]) {
        const stop = new AbortController();
        if (beforehand) stop.abort();
        const types: string[] = [];
        for await (const event of millrace.subscribe({ run: run.id, signal: stop.signal })) {
          types.push(event.type);
          stop.abort();
        }
        expect(types).toEqual(beforehand ? [] : ["run.created"]);
      }
    });

    it("can be left at any moment, and leaves nothing behind", async () => {
      const millrace = await scene().open({ workflows: [waiting] });
      const run = await millrace.start(waiting);
      for await (const event of millrace.subscribe({ run: run.id })) {
        expect(event.type).toBe("run.created");
        break;
      }
      await run.signal("word", "end");
      expect(await run.result()).toBe("end");
    });

    it("says so when the store is closed before the run's end", async () => {
      const millrace = await scene().open({ workflows: [waiting] });
      const run = await millrace.start(waiting);
      const followed = refusal(follow(millrace, run.id));
      await until("it runs", async () => (await run.get()).status !== "pending");
      await scene().close(millrace);
      expect(await followed).toMatchObject({ code: "E_STORE_CLOSED" });
    });

    it("lets a slow reader take its time", async () => {
      const millrace = await scene().open({ workflows: [busy] });
      const run = await millrace.start(busy, 10);
      const events: RecordedEvent[] = [];
      for await (const event of run.events()) {
        events.push(event);
        await sleep(1);
      }
      expect(events).toEqual(await scene().log(run.id));
    });
  },
  ALL_STORES,
);
