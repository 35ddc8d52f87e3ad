/**
 * Stores that are away now and then, for one process or another, whatever it asks of them: nothing that a run
 * waits for may be lost by that. When the store is there again, every run comes to its end.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { MemoryBackend, memoryStore } from "../../src/adapters/memory/store.ts";
import { openFrame } from "../../src/events/frame.ts";
import { recordedEvents } from "../../src/events/recorded.ts";
import { graph, type Millrace, MillraceError, open, workflow } from "../../src/index.ts";
import { seededIds } from "../../src/kernel/ids.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { type Random, seededRandom } from "../../src/kernel/random.ts";
import type { Store } from "../../src/ports/store.ts";
import { checkLog } from "../../src/testing/checks/check-log.ts";
import { VirtualTime } from "../../src/testing/simulation/virtual-time.ts";

const GPU = { resources: { gpu: 1 }, retry: { maxAttempts: 1_000, initial: 1 } } as const;

const spread = graph<number>("spread")
  .step("list", (_ctx, n) => Array.from({ length: n }, (_, at) => at))
  .map("work", { over: "list", ...GPU }, (_ctx, at) => at)
  .step("sum", { needs: ["work"], ...GPU }, async (ctx, { work }) => {
    await ctx.emit("sum", work.length);
    return work.reduce((sum, one) => sum + one, 0);
  })
  .build();

const PAD = " ".repeat(70_000);

const talk = workflow("talk", { retryBudget: 100_000 }, async (ctx, n: number) => {
  // Too large for events: between any two of these, blobs are written and read.
  const [first] = await ctx.run("first", () => [n, PAD] as const, GPU);
  await ctx.sleep("rest", 3_000);
  const word = await ctx.waitFor("word");
  const sum = await ctx.child("below", spread, first + 2);
  const said = await ctx.run("last", () => `${word} ${sum}`, GPU);
  return `${said}${PAD}`;
});

/** Whether the store is away for a process, and which of its calls meet that. */
class Weather {
  /** How many of its calls fail. */
  bad = 0;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  wrap(store: Store): Store {
    const { log, inbox, queue, nodes, blobs, views } = store;
    const port = <P extends object>(real: P): P => this.#port(real);
    return {
      ...store,
      ...{ log: port(log), inbox: port(inbox), queue: port(queue) },
      ...{ nodes: port(nodes), blobs: port(blobs), views: port(views) },
    };
  }

  #port<P extends object>(real: P): P {
    return new Proxy(real, {
      get: (target, key) => {
        const own: unknown = Reflect.get(target, key);
        if (typeof own !== "function" || key === "close") return own;
        return (...args: unknown[]) => {
          const answer = (): unknown => own.apply(target, args);
          if (this.#random.next() >= this.bad) return answer();
          return key === "read" && !("post" in target) ? failing() : away();
        };
      },
    });
  }
}

async function away(): Promise<never> {
  throw new MillraceError("E_STORE_UNAVAILABLE", "away for a while");
}

const failing = (): AsyncIterable<never> => ({
  [Symbol.asyncIterator]: () => ({ next: away }),
});

interface Gust {
  readonly nodes: readonly number[];
  readonly bad: number;
  readonly badMs: number;
  readonly goodMs: number;
}

const gusts: fc.Arbitrary<readonly Gust[]> = fc.array(
  fc.record({
    nodes: fc.subarray([0, 1, 2], { minLength: 1 }),
    bad: fc.constantFrom(0.03, 0.15, 0.6),
    badMs: fc.constantFrom(5, 300, 2_500, 20_000),
    goodMs: fc.constantFrom(0, 20, 800, 6_000),
  }),
  { minLength: 1, maxLength: 6 },
);

/** A process closes while a letter to a node waits to be written once more: nothing may wait for it without end. */
const LETTER_ON_ITS_WAY: [readonly Gust[], number] = [
  [
    { nodes: [1, 2], bad: 0.15, badMs: 20_000, goodMs: 800 },
    { nodes: [2], bad: 0.15, badMs: 20_000, goodMs: 800 },
  ],
  1290819114,
];

it("every run comes to its end, whichever calls of a store that is away now and then have failed", async () => {
  await fc.assert(
    fc.asyncProperty(gusts, fc.nat(), async (weather, seed) => {
      const time = new VirtualTime();
      const random = seededRandom(seed);
      const share = new MemoryBackend(time);
      const world = { clock: time, upkeep: time.upkeep, random, ids: seededIds(random) };
      const skies = [0, 1, 2].map(() => new Weather(random));
      const process = (node: string, more: object, sky?: Weather): Promise<Millrace> => {
        const place = { namespace: "default", node, world, leaseMs: 15_000, share };
        const store = memoryStore(place);
        const options = { node, world, lease: 15_000, logger: silentLogger, ...more };
        return open({ ...options, store: sky?.wrap(store) ?? store });
      };
      const client = await process("client", { worker: false });
      const workflows = [spread, talk];
      const all = await Promise.all([
        process("near", { workflows }, skies[0]),
        process("far", { workflows, resources: { gpu: 2 } }, skies[1]),
        process("away", { workflows, resources: { gpu: 1 } }, skies[2]),
      ]);
      const runs = await time.until(
        Promise.all([client.start(spread, 5), client.start(talk, 3), client.start(talk, 1)]),
      );
      for (const run of runs.slice(1)) await time.until(run.signal("word", "said"));
      for (const { nodes, bad, badMs, goodMs } of weather) {
        for (const nth of nodes) (skies[nth] as Weather).bad = bad;
        await time.pass(badMs);
        for (const sky of skies) sky.bad = 0;
        await time.pass(goodMs);
      }
      const results = await time.until(Promise.all(runs.map((run) => run.result())), 600_000);
      expect(results.map((one) => `${one}`.trim())).toEqual(["10", "said 10", "said 3"]);
      const events = [];
      for await (const stored of client.store.log.read({})) {
        events.push(...recordedEvents(stored, openFrame(stored.run, stored.bytes).frame));
      }
      expect(checkLog(events)).toEqual([]);
      for (const one of [...all, client]) await time.until(one.close());
    }),
    { numRuns: 25, examples: [LETTER_ON_ITS_WAY] },
  );
}, 60_000);
