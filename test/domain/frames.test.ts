// A run's frames fold in their own order only: what is missing, swapped, repeated or another's is seen.
import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evolve, evolveFrame } from "../../src/domain/evolve.ts";
import { emptyRun, type RunState } from "../../src/domain/state.ts";
import { type Frame, NO_PREVIOUS, openFrame, sealFrame } from "../../src/events/frame.ts";
import type { MillraceEvent } from "../../src/events/vocabulary.ts";
import { isMillraceError } from "../../src/kernel/errors.ts";
import { events } from "../../src/testing/arbitraries/event-arbitraries.ts";
import { graphPlans } from "./plans.ts";
import { RandomLife } from "./random-life.ts";
import { dump, fold } from "./recorded-run.ts";

const isCorrupt = (error: unknown): boolean => isMillraceError(error, "E_LOG_CORRUPT");

/** The log of a life as sealed frames of one to four events each. */
function sealedLog(log: readonly MillraceEvent[], sizes: readonly number[], inboxes = [0]) {
  const sealed: Uint8Array[] = [];
  let [prev, seq, inbox] = [NO_PREVIOUS, 1, 0];
  for (let at = 0; seq <= log.length; at++) {
    const events = log.slice(seq - 1, seq + (sizes[at] ?? 0));
    inbox += inboxes[at % inboxes.length] ?? 0;
    const frame: Frame = {
      commit: `c${at}`,
      writer: { node: "n", epoch: 1 },
      at: events[0]?.at ?? 0,
      seq,
      inbox,
      events,
    };
    const { bytes, sum } = sealFrame("r", prev, frame);
    sealed.push(bytes);
    prev = sum;
    seq += events.length;
  }
  return sealed;
}

const foldFrame = (state: RunState, bytes: Uint8Array, position: number): void =>
  evolveFrame(state, openFrame("r", bytes), position);

const logs = fc
  .tuple(graphPlans, fc.array(fc.nat(10_000), { maxLength: 60, size: "max" }))
  .map(([plan, numbers]) => {
    const life = new RandomLife(plan, numbers, { refold: false });
    life.live();
    return life.run;
  });
const sizes = fc.array(fc.nat(3), { maxLength: 200, size: "max" });

describe("evolveFrame", () => {
  it("folds a run's frames as its events, and keeps the place of the last", () => {
    const property = fc.property(logs, sizes, fc.array(fc.nat(2)), (run, sizes, inboxes) => {
      const frames = sealedLog(run.events, sizes, inboxes);
      const state = emptyRun("r");
      let position = 0;
      for (const bytes of frames) {
        position += 3;
        foldFrame(state, bytes, position);
        const opened = openFrame("r", bytes);
        assert.equal(state.cursor.head, position);
        assert.equal(state.cursor.sum, opened.sum);
        assert.equal(state.cursor.inbox, opened.frame.inbox);
      }
      const cursor = { ...fold(run.log).cursor, ...state.cursor };
      assert.deepEqual(dump(state), dump({ ...fold(run.log), cursor }));
    });
    fc.assert(property, { numRuns: 50 });
  });

  it("refuses at every place a frame that is not the next one, and stays where it was", () => {
    const property = fc.property(logs, sizes, (run, sizes) => {
      const frames = sealedLog(run.events, sizes);
      const state = emptyRun("r");
      for (const [at, bytes] of frames.entries()) {
        const before = JSON.stringify(dump(state));
        for (const [other, wrong] of frames.entries()) {
          if (other === at) continue;
          assert.throws(() => foldFrame(state, wrong, at + 1), isCorrupt);
        }
        assert.equal(JSON.stringify(dump(state)), before);
        foldFrame(state, bytes, at + 1);
      }
    });
    fc.assert(property, { numRuns: 30 });
  });

  it("refuses a frame of the same run and seq that follows another frame", () => {
    const mine = sealedLog([...noted("a"), ...noted("mine")], [0, 0]);
    const theirs = sealedLog([...noted("b"), ...noted("theirs")], [0, 0]);
    const [first, second, foreign] = [mine[0], mine[1], theirs[1]];
    assert.ok(first !== undefined && second !== undefined && foreign !== undefined);
    const state = emptyRun("r");
    foldFrame(state, first, 1);
    assert.throws(() => foldFrame(state, foreign, 2), isCorrupt);
    foldFrame(state, second, 2);
    expect(state.cursor).toMatchObject({ seq: 2, head: 2 });
  });

  it("refuses a right chain with a wrong seq, and an inbox that goes back", () => {
    const at = (seq: number, inbox: number) => {
      const writer = { node: "n", epoch: 0 };
      const frame = { commit: "c", writer, at: 1, seq, inbox, events: noted("x") };
      return { frame, prev: NO_PREVIOUS, sum: "s" };
    };
    for (const seq of [0, 2, -1]) {
      assert.throws(() => evolveFrame(emptyRun("r"), at(seq, 0), 1), isCorrupt);
    }
    const state = emptyRun("r");
    state.cursor.inbox = 5;
    assert.throws(() => evolveFrame(state, at(1, 4), 1), isCorrupt);
    evolveFrame(state, at(1, 5), 1);
  });
});

const noted = (name: string): MillraceEvent[] => [
  { type: "user.noted", at: 1, name, payload: { json: null } },
];

describe("evolve", () => {
  it("takes any event whatever, or says that the log is corrupt, and nothing else", () => {
    let taken = 0;
    const property = fc.property(logs, fc.nat(), fc.array(events), (run, cut, more) => {
      const state = fold(run.log.slice(0, cut % (run.log.length + 1)));
      for (const event of more) {
        try {
          evolve(state, event);
          taken++;
        } catch (error) {
          if (!isCorrupt(error)) throw error;
        }
      }
    });
    fc.assert(property, { numRuns: 300 });
    expect(taken).toBeGreaterThan(0);
  });
});
