/** Places in a long log are found by looking at few of its frames, and damaged frames of others do not matter. */
import { expect, it } from "vitest";
import { memoryStore } from "../../src/adapters/memory/store.ts";
import { NO_PREVIOUS, sealFrame } from "../../src/events/frame.ts";
import { type Millrace, open, type SubscribeOptions } from "../../src/index.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import { all, refusal, world } from "../engine/kit/scene.ts";

const RUNS = ["a", "b", "c"] as const;
const FRAMES = 4_000;
const BEGAN = 1_700_000_000_000;

interface Known {
  readonly run: string;
  readonly seq: number;
  readonly position: number;
  readonly at: number;
}

/** Frames of two events each, of three runs in turn, a second apart; one of run b is damaged. */
async function written(log: EventLog): Promise<Known[]> {
  const known: Known[] = [];
  const ends = new Map(RUNS.map((run) => [run as string, { prev: NO_PREVIOUS, seq: 1, head: 0 }]));
  for (let nth = 0; nth < FRAMES; nth++) {
    const run = RUNS[nth % RUNS.length] ?? "a";
    const { prev, seq, head } = ends.get(run) ?? { prev: "", seq: 0, head: 0 };
    const at = BEGAN + 1_000 * nth;
    const note = { type: "user.noted", at, name: "n", payload: { json: nth } } as const;
    const writer = { node: "n", epoch: 0 };
    const frame = { commit: `c${nth}`, writer, at, seq, inbox: 0, events: [note, note] };
    const { bytes, sum } = sealFrame(run, prev, frame);
    const damaged = nth === 2_002;
    const stored = damaged ? Buffer.from("MR1 this is no frame") : bytes;
    const done = await log.append({ workflow: "w", run, expected: head, bytes: stored });
    if (!done.ok) throw new Error("nobody else writes");
    ends.set(run, { prev: sum, seq: seq + 2, head: done.position });
    if (damaged) continue;
    for (const one of [seq, seq + 1]) known.push({ run, seq: one, position: done.position, at });
  }
  return known;
}

async function scene(): Promise<{ millrace: Millrace; known: Known[]; read: { frames: number } }> {
  const store = memoryStore({ namespace: "default", node: "n", world });
  const known = await written(store.log);
  const read = { frames: 0 };
  const { log: real } = store;
  const log: EventLog = {
    partitions: 1,
    append: real.append.bind(real),
    subscribe: real.subscribe.bind(real),
    head: real.head.bind(real),
    erase: real.erase.bind(real),
    close: real.close.bind(real),
    async *read(range) {
      for await (const frame of real.read(range)) {
        read.frames++;
        yield frame;
      }
    },
  };
  const warned = { info: () => {}, warn: () => {}, error: () => {} };
  return { millrace: await open({ store: { ...store, log }, logger: warned }), known, read };
}

const placeOf = ({ run, seq, position }: Known): string => `${run} ${seq} ${position}`;

it("by seq of a run, by time, and by position", async () => {
  const { millrace, known, read } = await scene();
  const check = async (options: SubscribeOptions, due: readonly Known[]): Promise<void> => {
    read.frames = 0;
    const events = await all(millrace.subscribe({ ...options, live: false }));
    expect(events.map((event) => placeOf(event))).toEqual(due.map(placeOf));
    // What is due has two events per frame; what is read beyond it is the way there.
    expect(read.frames).toBeLessThan(due.length / 2 + 1_000);
  };
  const ofA = known.filter(({ run }) => run === "a");
  for (const from of [2, 3, 700, 1_501, ofA.length]) {
    await check({ run: "a", from }, ofA.slice(from - 1));
  }
  for (const ms of [-5_000, 0, 1, 999_500, 2_002_000, 3_998_000, 5_000_000]) {
    const time = BEGAN + ms;
    await check(
      { from: { time } },
      known.filter(({ at }) => at >= time),
    );
    await check(
      { run: "c", from: { time } },
      known.filter(({ run, at }) => run === "c" && at >= time),
    );
  }
  await check(
    { from: { position: 3_990 } },
    known.filter(({ position }) => position >= 3_990),
  );
  const last = known.at(-3) as Known;
  await check({ after: last }, known.slice(-2));
  await check({ runs: ["b", "c"], from: "now" }, []);
  await millrace.close();
});

it("a damaged frame ends the subscription to its run, and no other", async () => {
  const { millrace, known } = await scene();
  const damaged = refusal(all(millrace.subscribe({ run: "b", live: false })));
  expect(await damaged).toMatchObject({ code: "E_FRAME_INVALID" });
  const others = await all(millrace.subscribe({ workflow: "w", live: false }));
  expect(others.map((event) => placeOf(event))).toEqual(known.map(placeOf));
  await millrace.close();
});
