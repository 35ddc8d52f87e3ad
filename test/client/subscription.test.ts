/** Named subscriptions: what is acknowledged is past, everything else comes again, through restarts. */
import { expect, it } from "vitest";
import { type EventPlace, graph, type Millrace, type RecordedEvent } from "../../src/index.ts";
import { ALL_STORES, onStores, refusal } from "../engine/kit/scene.ts";

const echo = graph<unknown>("echo")
  .step("only", (_ctx, input) => input)
  .build();
const types = ["step.completed", "run.completed"] as const;

/** Reads until `take` events have come; acknowledges each that `acks` says. */
async function read(
  millrace: Millrace,
  { take = 1, acks = (_nth: number) => true, name = "reader", from = "start" as "start" | "now" },
): Promise<RecordedEvent[]> {
  const subscription = millrace.subscription(name, { types, from });
  const events: RecordedEvent[] = [];
  for await (const event of subscription) {
    events.push(event);
    if (acks(events.length)) await subscription.ack(event);
    if (events.length === take) break;
  }
  return events;
}

const run = async (millrace: Millrace, id: string): Promise<void> => {
  await (await millrace.start(echo, id, { id })).result();
};

onStores(
  "a named subscription",
  (scene) => {
    it("goes on in every process behind what was acknowledged", async () => {
      const host = await scene().open({ workflows: [echo] });
      for (let nth = 0; nth < 6; nth++) await run(host, `run-${nth}`);
      const due = (await scene().log()).filter(({ type }) =>
        (types as readonly string[]).includes(type),
      );
      const seen: RecordedEvent[] = [];
      for (const take of [1, 2, 3, 1, 4]) {
        const reader = await scene().open({ worker: false });
        // The last one of each reader is dealt with, but its process dies before it says so.
        seen.push(
          ...(await read(reader, { take: take + 1, acks: (nth) => nth <= take })).slice(0, take),
        );
        await scene().close(reader);
      }
      expect(seen).toEqual(due.slice(0, 11));
      expect(await read(host, { name: "other", take: 12 })).toEqual(due);
    });

    it("keeps the farthest of what is acknowledged, in any order, all at once", async () => {
      const millrace = await scene().open({ workflows: [echo] });
      for (let nth = 0; nth < 4; nth++) await run(millrace, `run-${nth}`);
      const all = await read(millrace, { take: 8, acks: () => false });
      const subscription = millrace.subscription("reader", { types });
      const places = [5, 0, 3, 4, 1].map((nth) => all[nth] as EventPlace);
      await Promise.all(places.map((place) => subscription.ack(place)));
      expect(await read(millrace, { take: 2 })).toEqual(all.slice(6));
      await subscription.reset();
      expect(await read(millrace, { take: 1 })).toEqual(all.slice(0, 1));
    });

    it("from now on means from its first reader on", async () => {
      const millrace = await scene().open({ workflows: [echo] });
      await run(millrace, "before");
      const stop = new AbortController();
      const first = millrace.subscription("reader", { types, from: "now", signal: stop.signal });
      const waiting = first[Symbol.asyncIterator]().next();
      const { views } = await scene().store();
      while ((await views.load("subscription.reader")) === undefined);
      stop.abort();
      expect(await waiting).toMatchObject({ done: true });
      await run(millrace, "between");
      const events = await read(millrace, { take: 2, from: "now" });
      expect(events.map((event) => event.run)).toEqual(["between", "between"]);
    });

    it("does not read a long stretch again in which nothing was wanted", async () => {
      const millrace = await scene().open({ workflows: [echo] });
      const { log, views } = await scene().store();
      scene().spoil("noise");
      const frame = { workflow: "other", run: "noise", bytes: Buffer.from("noise") };
      for (let nth = 0, expected = 0; nth < 1_000; nth++) {
        const done = await log.append({ ...frame, bytes: Buffer.from(`noise ${nth}`), expected });
        if (done.ok) expected = done.position;
      }
      const end = await log.head();
      await run(millrace, "wanted");
      const [event] = await read(millrace, { acks: () => false });
      expect(event?.run).toBe("wanted");
      expect((await views.load("subscription.reader"))?.position).toBe(end);
    });

    it("begins anew when the log is not the one that it read", async () => {
      const millrace = await scene().open({ workflows: [echo] });
      await run(millrace, "run");
      const { views } = await scene().store();
      const bytes = Buffer.from("3");
      await views.save("subscription.reader", { position: 1_000_000, bytes });
      expect((await read(millrace, {}))[0]?.run).toBe("run");
      await views.delete("subscription.reader");
      await views.save("subscription.reader", { position: 1, bytes: Buffer.from("?") });
      expect((await read(millrace, {}))[0]?.run).toBe("run");
    });

    it("refuses to be told what is no place", async () => {
      const millrace = await scene().open({ worker: false });
      const subscription = millrace.subscription("reader");
      const bad = { seq: 1 } as unknown as EventPlace;
      expect(await refusal(subscription.ack(bad))).toMatchObject({ code: "E_OPTION_INVALID" });
      expect(() => millrace.subscription("a.b")).toThrow("subscription name");
    });
  },
  ALL_STORES,
);
