/**
 * A run at every one of its moments is the fold of its first events: asked for in any order, replayed in any
 * way, from copies or without them. And no copy is believed that the log does not confirm.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../src/adapters/memory/store.ts";
import { replay } from "../../src/client/following/replay.ts";
import { runView } from "../../src/client/looking/run-view.ts";
import { stateAt } from "../../src/client/looking/state-at.ts";
import { diffStates, stateLists } from "../../src/client/looking/state-diff.ts";
import { evolve } from "../../src/domain/evolve.ts";
import { emptyRun } from "../../src/domain/state.ts";
import type { Engine } from "../../src/engine/engine.ts";
import type { KeptBounds } from "../../src/engine/reading/kept-moments.ts";
import { Moments } from "../../src/engine/reading/moments.ts";
import { NO_PREVIOUS, plainCodec, sealFrame } from "../../src/events/frame.ts";
import type { MillraceEvent } from "../../src/events/vocabulary.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import { graphPlans } from "../domain/plans.ts";
import { RandomLife } from "../domain/random-life.ts";
import { all, refusal, world } from "../engine/kit/scene.ts";

const RUN = "r";

function scene(bounds?: KeptBounds): { engine: Engine; moments: Moments; log: EventLog } {
  const store = memoryStore({ namespace: "default", node: "n", world });
  const codecs = { codec: plainCodec, codecs: [] };
  const engine = { store, world, node: "n", logger: silentLogger, ...codecs };
  return { engine, moments: new Moments(engine, bounds), log: store.log };
}

/** Writes the events as frames of one to four. */
async function write(
  log: EventLog,
  events: readonly MillraceEvent[],
  sizes: readonly number[],
  expected = 0,
): Promise<void> {
  let [prev, seq, head] = [NO_PREVIOUS, 1, expected];
  for (let at = 0; seq <= events.length; at++) {
    const part = events.slice(seq - 1, seq + (sizes[at % sizes.length] ?? 0));
    const writer = { node: "n", epoch: 1 };
    const frame = { commit: `c${at}`, writer, at: part[0]?.at ?? 0, seq, inbox: 0, events: part };
    const { bytes, sum } = sealFrame(RUN, prev, frame);
    const done = await log.append({ workflow: "w", run: RUN, expected: head, bytes });
    if (!done.ok) throw new Error("nobody else writes");
    [prev, seq, head] = [sum, seq + part.length, done.position];
  }
}

/** An output or a checkpoint of which the run knows nothing. */
const note = (nth: number, kind: number, at: number): MillraceEvent =>
  kind === 0
    ? {
        type: "checkpoint.saved",
        at,
        checkpoint: nth,
        node: "n",
        state: { json: nth },
        metadata: {},
      }
    : {
        ...({ type: "output.emitted", at, ref: `ref-${nth % 7}`, task: "t" } as const),
        ...{ attempt: 1, producer: "p", parents: [], content: { type: "progress", stage: "s" } },
      };

/** The events of a random life, with notes in between. */
const lives: fc.Arbitrary<MillraceEvent[]> = fc
  .tuple(
    graphPlans,
    fc.array(fc.nat(10_000), { maxLength: 60, size: "max" }),
    fc.array(fc.tuple(fc.nat(), fc.nat(1)), { maxLength: 12 }),
  )
  .map(([plan, numbers, notes]) => {
    const life = new RandomLife(plan, numbers, { refold: false });
    life.live();
    const { events } = life.run;
    for (const [nth, [place, kind]] of notes.entries()) {
      const at = 1 + (place % (events.length - 1));
      events.splice(at, 0, note(nth + 1, kind, events[at - 1]?.at ?? 0));
    }
    return events;
  });

/** What the run is after its first `count` events, folded one by one. */
function expected(events: readonly MillraceEvent[], count: number): object {
  const state = emptyRun(RUN);
  const first = events.slice(0, count);
  for (const event of first) evolve(state, event);
  const refs = first.flatMap((event) => (event.type === "output.emitted" ? [event.ref] : []));
  return {
    ...runView(state),
    signals: state.run.context.signals,
    timers: Object.entries(state.run.context.timers).map(([timer, one]) => ({ timer, ...one })),
    waits: Object.entries(state.run.context.waits).map(([wait, one]) => ({ wait, ...one })),
    outputs: [...new Set(refs)].map((ref) => expect.objectContaining({ ref })),
    checkpoints: first
      .filter((event) => event.type === "checkpoint.saved")
      .map((event) => expect.objectContaining({ at: event.at })),
  };
}

const TIGHT: KeptBounds = { spacing: 3, copies: 4, bytes: 1e9 };
const bounds = fc.constantFrom(undefined, TIGHT, { ...TIGHT, bytes: 10_000 });
const sizes = fc.array(fc.nat(3), { minLength: 1, maxLength: 40 });

describe("the state at", () => {
  it("every seq, asked for in any order, is the fold of the first events", async () => {
    const check = async (
      events: MillraceEvent[],
      frames: number[],
      kept: KeptBounds | undefined,
      order: number[],
    ): Promise<void> => {
      const { moments, log } = scene(kept);
      await write(log, events, frames);
      const seqs = [...events.keys()].map((index) => index + 1);
      const some = order.map((nth) => seqs[nth % seqs.length] ?? 1);
      for (const seq of [...some, ...seqs.toReversed(), ...seqs]) {
        expect(await stateAt(moments, RUN, seq)).toEqual(expected(events, seq));
      }
      const end = expected(events, events.length);
      expect(await stateAt(moments, RUN, events.length + 5)).toEqual(end);
    };
    const property = fc.asyncProperty(lives, sizes, bounds, fc.array(fc.nat()), check);
    await fc.assert(property, { numRuns: 40 });
  });

  it("every time is the fold of what happened until then", async () => {
    const check = async (events: MillraceEvent[], frames: number[]): Promise<void> => {
      const { moments, log } = scene(TIGHT);
      await write(log, events, frames);
      const times = new Set(events.flatMap(({ at }) => [at - 0.5, at]));
      for (const time of times) {
        const count = events.findIndex(({ at }) => at > time);
        const asked = stateAt(moments, RUN, { time });
        if (count === 0) expect(await refusal(asked)).toMatchObject({ code: "E_RUN_NOT_FOUND" });
        else expect(await asked).toEqual(expected(events, count < 0 ? events.length : count));
      }
    };
    await fc.assert(fc.asyncProperty(lives, sizes, check), { numRuns: 30 });
  });

  it("is shown by a replay before and after each event, looked at at once, later or never", async () => {
    const check = async (
      events: MillraceEvent[],
      frames: number[],
      from: number,
      looks: number[],
    ): Promise<void> => {
      const { moments, log } = scene(TIGHT);
      await write(log, events, frames);
      const first = 1 + (from % events.length);
      const shown = [];
      for await (const one of replay(moments, RUN, { from: first })) {
        shown.push(one);
        const { seq } = one.event;
        const look = looks[seq % looks.length];
        if (look === 1) expect(one.before).toEqual(seq === 1 ? null : expected(events, seq - 1));
        if (look === 2) expect(one.after).toEqual(expected(events, seq));
      }
      expect(shown.map(({ event }) => event.seq)).toEqual(
        events.slice(first - 1).map((_, index) => first + index),
      );
      for (const { event, before, after } of shown.toReversed()) {
        expect(after).toEqual(expected(events, event.seq));
        expect(before).toEqual(event.seq === 1 ? null : expected(events, event.seq - 1));
      }
    };
    const looks = fc.array(fc.nat(2), { minLength: 1 });
    await fc.assert(fc.asyncProperty(lives, sizes, fc.nat(), looks, check), { numRuns: 25 });
  });

  it("differs from another by what the diff says, and by nothing else", async () => {
    const check = async (events: MillraceEvent[], one: number, other: number): Promise<void> => {
      const { moments, log } = scene();
      await write(log, events, [2]);
      const [a, b] = [1 + (one % events.length), 1 + (other % events.length)];
      const [before, after] = [await stateAt(moments, RUN, a), await stateAt(moments, RUN, b)];
      const diff = diffStates(before, after);
      expect(diff).toMatchObject({ run: RUN, from: a, to: b });
      const patched: Record<string, unknown> = { ...before, seq: b };
      for (const { field, after: value } of diff.fields) patched[field] = value;
      for (const [list, name] of stateLists) {
        const entries = new Map(before[list].map((entry) => [Reflect.get(entry, name), entry]));
        for (const change of diff[list]) {
          const entry = (change.after ?? change.before) as object;
          if (change.after === null) entries.delete(Reflect.get(entry, name));
          else entries.set(Reflect.get(entry, name), change.after);
        }
        patched[list] = after[list].map((entry) => entries.get(Reflect.get(entry, name)));
        expect(entries.size).toBe(after[list].length);
      }
      expect(patched).toEqual(after);
      const none = diffStates(after, after);
      expect(none.fields).toEqual([]);
      for (const [list] of stateLists) expect(none[list]).toEqual([]);
    };
    await fc.assert(fc.asyncProperty(lives, fc.nat(), fc.nat(), check), { numRuns: 60 });
  });
});

describe("a kept copy", () => {
  const life = (): MillraceEvent[] => fc.sample(lives, { numRuns: 1, seed: 8 })[0] ?? [];

  it("is not believed once its run is erased, or has begun anew", async () => {
    const { moments, log } = scene(TIGHT);
    const events = life();
    await write(log, events, [1]);
    for (const seq of [events.length, 5, 9]) await stateAt(moments, RUN, seq);
    await log.erase(RUN);
    expect(await refusal(stateAt(moments, RUN, 5))).toMatchObject({ code: "E_RUN_NOT_FOUND" });
    const other = events.map((event) => ({ ...event, at: event.at + 1 }));
    await write(log, other, [3], await log.head(RUN));
    for (const seq of [events.length, 9, 5]) {
      expect(await stateAt(moments, RUN, seq)).toEqual(expected(other, seq));
    }
  });

  it("is not believed when the log says something else behind it", async () => {
    const { engine, moments, log } = scene(TIGHT);
    const events = life();
    await write(log, events, [1]);
    await stateAt(moments, RUN, 9);
    // Another log in the same place, as after a restored backup.
    const other = scene();
    const changed = events.map((event, index) =>
      index === 8 ? { ...event, at: event.at + 1 } : event,
    );
    await write(other.log, changed, [1]);
    Object.assign(engine.store, { log: other.log });
    expect(await stateAt(moments, RUN, 9)).toEqual(expected(changed, 9));
    expect(await stateAt(moments, RUN, 12)).toEqual(expected(changed, 12));
  });

  it("makes a moment near it cost a short stretch of the log", async () => {
    const { engine, moments, log } = scene({ spacing: 10, copies: 64, bytes: 1e9 });
    const events: MillraceEvent[] = [...life().slice(0, 1)];
    for (let nth = 1; nth <= 500; nth++) events.push(note(nth, 0, 2_000));
    await write(log, events, [0]);
    let read = 0;
    const counting: EventLog = Object.assign(Object.create(log), {
      async *read(range: object) {
        for await (const stored of log.read(range)) {
          read++;
          yield stored;
        }
      },
    });
    Object.assign(engine.store, { log: counting });
    await stateAt(moments, RUN, 501);
    expect(read).toBe(501);
    for (const seq of [250, 3, 499, 77]) {
      read = 0;
      expect((await stateAt(moments, RUN, seq)).checkpoints).toHaveLength(seq - 1);
      expect(read).toBeLessThanOrEqual(12);
    }
    expect((await all(replay(moments, RUN, { from: 490 }))).length).toBe(12);
  });
});
