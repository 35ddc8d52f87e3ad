/** What a subscription gives: exactly what is asked for, from where it is asked for, however often it is left. */
import fc from "fast-check";
import { expect, it } from "vitest";
import {
  graph,
  type Millrace,
  type RecordedEvent,
  type SubscribeOptions,
  workflow,
} from "../../src/index.ts";
import { ALL_STORES, all, onStores, type Scene, sleep } from "../engine/kit/scene.ts";

const busy = graph<number>("busy")
  .step("list", (_ctx, count) => Array.from({ length: count }, (_, index) => index))
  .map("work", { over: "list" }, async (ctx, item: number) => {
    if (item % 2 === 0) await ctx.note("item", item);
    return item;
  })
  .build();
const plain = workflow("plain", (ctx, word: string) => ctx.run("say", () => word));
const TEAMS = ["red", "blue"] as const;

/** Runs of two workflows with labels, all ended. */
async function filled(scene: Scene): Promise<{ millrace: Millrace; log: RecordedEvent[] }> {
  const millrace = await scene.open({ workflows: [busy, plain] });
  const started = Array.from({ length: 10 }, async (_, nth) => {
    const labels = { team: TEAMS[nth % 2] ?? "", nth: `${nth}` };
    const options = { id: `run-${nth}`, ...(nth < 8 ? { labels } : {}) };
    const run =
      nth % 3 === 0
        ? await millrace.start(busy, nth, options)
        : await millrace.start(plain, "word", options);
    await run.result();
  });
  await Promise.all(started);
  return { millrace, log: await scene.log() };
}

/** Of runs that have all ended, whatever a subscription without end gives until nothing more comes. */
async function given(
  millrace: Millrace,
  options: SubscribeOptions,
  count: number,
): Promise<RecordedEvent[]> {
  const stop = new AbortController();
  const events: RecordedEvent[] = [];
  const enough = async (): Promise<void> => {
    // Something beyond the last event that is due would come at once.
    await sleep(3);
    stop.abort();
  };
  if (count === 0) void enough();
  for await (const event of millrace.subscribe({ ...options, signal: stop.signal })) {
    events.push(event);
    if (events.length === count) void enough();
  }
  return events;
}

interface Wish {
  readonly options: SubscribeOptions;
  readonly wants: (event: RecordedEvent) => boolean;
}

/** A filter, and what it says in other words. */
const wishes: fc.Arbitrary<Wish[]> = fc.subarray<Wish>(
  [
    { options: { workflow: "busy" }, wants: (event) => event.workflow === "busy" },
    {
      options: { runs: ["run-1", "run-3", "run-6", "later"] },
      wants: ({ run }) => ["run-1", "run-3", "run-6"].includes(run),
    },
    {
      options: { labels: { team: "blue" } },
      wants: ({ run }) => ["run-1", "run-3", "run-5", "run-7"].includes(run),
    },
    {
      options: { types: ["step.completed", "run.created", "user.noted"] },
      wants: ({ type }) => ["step.completed", "run.created", "user.noted"].includes(type),
    },
    {
      options: { steps: ["work", "say"] },
      wants: (event) => "step" in event && /^(?:work|say)/.test(event.step ?? ""),
    },
  ],
  { minLength: 0 },
);

type Place = (log: readonly RecordedEvent[], nth: number) => [SubscribeOptions, number];

/** A place to begin at, and the index in the log of the first event past it. */
const places: readonly Place[] = [
  () => [{ from: "start" }, 0],
  (log) => [{ from: "now" }, log.length],
  (log, nth) => [{ after: log[nth] as RecordedEvent }, nth + 1],
  (log, nth) => {
    const { position = 0 } = log[nth] ?? {};
    return [{ after: { position } }, log.findLastIndex((one) => one.position <= position) + 1];
  },
  (log, nth) => {
    const { position = 0 } = log[nth] ?? {};
    return [{ from: { position } }, log.findIndex((one) => one.position >= position)];
  },
  (log, nth) => {
    const { at = 0 } = log[nth] ?? {};
    return [{ from: { time: new Date(at) } }, log.findIndex((one) => one.at >= at)];
  },
];

onStores(
  "a subscription",
  (scene) => {
    it("gives what its filter wants, from the place where it begins", async () => {
      const { millrace, log } = await filled(scene());
      const check = async (wish: Wish[], place: Place, nth: number): Promise<void> => {
        const [where, index] = place(log, nth % log.length);
        const options = Object.assign({}, where, ...wish.map((one) => one.options));
        const wanted = log.filter(
          (event, at) => at >= index && wish.every(({ wants }) => wants(event)),
        );
        const events = await given(millrace, options as SubscribeOptions, wanted.length);
        expect(events).toEqual(wanted);
        const known = millrace.subscribe({ ...(options as SubscribeOptions), live: false });
        expect(await all(known)).toEqual(wanted);
      };
      const cases = fc.asyncProperty(wishes, fc.constantFrom(...places), fc.nat(), check);
      await fc.assert(cases, { numRuns: scene().name === "nats" ? 30 : 60 });
    });

    it("goes on where the last one was left, in whatever process", async () => {
      const host = await scene().open({ workflows: [busy, plain] });
      const seen: RecordedEvent[] = [];
      const following = (async () => {
        while (seen.filter(({ type }) => type === "run.completed").length < 10) {
          const reader = await scene().open({ worker: false });
          const last = seen.at(-1);
          const options = last === undefined ? {} : { after: last };
          let left = 1 + (seen.length % 17);
          for await (const event of reader.subscribe(options)) {
            seen.push(event);
            if (--left === 0 || event.type === "run.completed") break;
          }
          await scene().close(reader);
        }
      })();
      for (let nth = 0; nth < 10; nth++) await (await host.start(busy, nth)).result();
      await following;
      expect(seen).toEqual((await scene().log()).slice(0, seen.length));
      expect(new Set(seen.map(({ run }) => run)).size).toBe(10);
    });

    it("knows the labels of runs that began before it did", async () => {
      const host = await scene().open({ workflows: [plain], worker: false });
      const labels = { team: "red" };
      const [red, other] = [
        await host.start(plain, "a", { labels }),
        await host.start(plain, "b", { labels: { team: "blue" } }),
      ];
      const events = host.subscribe({ from: "now", labels, types: ["run.completed"] });
      await using _worker = await scene().open({ workflows: [plain] });
      await other.result();
      for await (const event of events) {
        // Its type follows from the types asked for.
        expect(event.output).toEqual({ json: "a" });
        expect(event.run).toBe(red.id);
        break;
      }
    });

    it("gives frozen events", async () => {
      const { millrace, log } = await filled(scene());
      for await (const event of millrace.subscribe({ run: "run-0" })) {
        expect(Object.isFrozen(event) && Object.isFrozen(event.writer)).toBe(true);
        expect(log).toContainEqual(event);
      }
    });

    it("of one run ends, also where its end is past already", async () => {
      const { millrace, log } = await filled(scene());
      const own = log.filter(({ run }) => run === "run-3");
      const last = own.at(-1) as RecordedEvent;
      const rest = async (options: SubscribeOptions): Promise<RecordedEvent[]> => {
        const events: RecordedEvent[] = [];
        for await (const event of millrace.subscribe({ run: "run-3", ...options }))
          events.push(event);
        return events;
      };
      expect(await rest({ from: "now" })).toEqual([]);
      expect(await rest({ after: last })).toEqual([]);
      expect(await rest({ from: { position: last.position + 100 } })).toEqual([]);
      expect(await rest({ from: { time: last.at + 120_000 } })).toEqual([]);
      expect(await rest({ types: ["run.created"] })).toEqual(own.slice(0, 1));
      expect(await rest({ labels: { team: "red" } })).toEqual([]);
      for (let seq = 1; seq <= own.length; seq++) {
        expect(await rest({ from: seq })).toEqual(own.slice(seq - 1));
      }
    });
  },
  ALL_STORES,
);
