/** What the stores cost when they are full: outputs by name among 100,000, and rebuilding from the log. */
import type { Engine } from "../src/engine/engine.ts";
import { Journal } from "../src/engine/reading/journal.ts";
import { Projector } from "../src/engine/reading/projector.ts";
import { plainCodec } from "../src/events/frame.ts";
import { systemClock } from "../src/kernel/clock.ts";
import { systemIds } from "../src/kernel/ids.ts";
import { silentLogger } from "../src/kernel/logger.ts";
import { systemRandom } from "../src/kernel/random.ts";
import type { Store } from "../src/ports/store.ts";
import { outputIndex } from "../src/projections/output-index.ts";
import { open } from "../src/runtime/open.ts";
import { openStore } from "../src/runtime/open-store.ts";
import { OutputStore } from "../src/stores/output-store.ts";
import { inParallel, percentile, rounded } from "./measure.ts";

const world = { clock: systemClock(), random: systemRandom, ids: systemIds };
const RUNS = 100;
const PRODUCERS = 50;
const SAMPLES = 1_000;

/** Milliseconds of `getLatestByName`. */
export interface OutputTimes {
  readonly outputs: number;
  readonly appendsPerSecond: number;
  /** The first question in a process, which loads the index. */
  readonly firstMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Each asked right after another process has appended. */
  readonly afterAppendP50Ms: number;
}

/** Fills the store with outputs and asks for the newest by name. */
export async function outputTimes(address: string, outputs = 100_000): Promise<OutputTimes> {
  const stores = [await opened(address, "writer"), await opened(address, "reader")] as const;
  const [writer, reader] = stores.map(outputStore) as [OutputStore, OutputStore];
  const append = (nth: number): Promise<string> =>
    writer.append(`bench-${nth % RUNS}`, 1, `p${nth % PRODUCERS}`, {
      type: "artifact",
      name: `a${nth % 10}`,
      content: { kind: "inline", value: { nth, text: "a value of moderate length" } },
    });
  let began = performance.now();
  await inParallel(outputs, 20 * RUNS, async (nth) => void (await append(nth)));
  const seconds = (performance.now() - began) / 1_000;
  began = performance.now();
  await reader.getLatestByName("p0");
  const firstMs = performance.now() - began;
  const idle: number[] = [];
  const busy: number[] = [];
  for (const [samples, before] of [
    [idle, undefined],
    [busy, append],
  ] as const) {
    for (let nth = 0; nth < SAMPLES; nth++) {
      await before?.(nth);
      const asked = performance.now();
      await reader.getLatestByName(`p${nth % PRODUCERS}`);
      samples.push(performance.now() - asked);
    }
  }
  await Promise.all(stores.map((store) => store.close()));
  return {
    outputs,
    appendsPerSecond: Math.round(outputs / seconds),
    firstMs: rounded(firstMs),
    p50Ms: rounded(percentile(idle, 0.5), 3),
    p99Ms: rounded(percentile(idle, 0.99), 3),
    afterAppendP50Ms: rounded(percentile(busy, 0.5), 3),
  };
}

/** How fast the saved projections are rebuilt from the log. */
export interface RebuildRate {
  readonly events: number;
  readonly frames: number;
  readonly seconds: number;
  readonly eventsPerSecond: number;
}

/** Rebuilds from all that the store holds, the best of three times. */
export async function rebuildRate(address: string): Promise<RebuildRate> {
  await using millrace = await open({ store: address });
  let best: RebuildRate | undefined;
  for (let round = 0; round < 3; round++) {
    const began = performance.now();
    let [events, frames] = [0, 0];
    await millrace.rebuild({
      onProgress(progress) {
        events = progress.events;
        frames = progress.frames;
      },
    });
    const seconds = (performance.now() - began) / 1_000;
    const eventsPerSecond = Math.round(events / seconds);
    if (best === undefined || eventsPerSecond > best.eventsPerSecond) {
      best = { events, frames, seconds: rounded(seconds), eventsPerSecond };
    }
  }
  if (best === undefined) throw new Error("there was no round");
  return best;
}

const opened = (address: string, node: string): Promise<Store> =>
  openStore(address, { namespace: "default", node, world });

function outputStore(store: Store): OutputStore {
  const engine: Engine = {
    store,
    world,
    node: "bench",
    logger: silentLogger,
    codec: plainCodec,
    codecs: [plainCodec],
  };
  return new OutputStore(engine, new Journal(engine), new Projector(engine, outputIndex));
}
