// Wherever the machines can get to, a run that has not ended says why: since when, by whom, and what then.
import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evolve } from "../../src/domain/evolve.ts";
import { explain } from "../../src/domain/explain.ts";
import { emptyRun, hasBegun, isTerminal, type RunState } from "../../src/domain/state.ts";
import type { MillraceEvent } from "../../src/events/vocabulary.ts";
import { isMillraceError } from "../../src/kernel/errors.ts";
import { legalEvents } from "../../src/testing/arbitraries/walks.ts";

const BEGIN = 1_000;

type RunCreated = Extract<MillraceEvent, { type: "run.created" }>;

/** One life of a run, with those of some steps in between, each in its own order. */
const histories = fc
  .tuple(
    legalEvents("run", { maxLength: 40 }),
    fc.array(legalEvents("step", { maxLength: 12 }), { maxLength: 4 }),
    fc.infiniteStream(fc.nat(100)),
  )
  .map(([run, steps, choices]) => {
    const lives = steps.map((events, nth) =>
      events.map((event) => ({ ...event, step: `s${nth}` })),
    );
    const [first, ...rest] = run;
    // A fork is folded on top of another run, which is not there.
    const { forkOf: _, ...created } = (first ?? {}) as RunCreated;
    const left: MillraceEvent[][] = [[...rest], ...lives.map((life) => [...life])];
    const merged: MillraceEvent[] = first === undefined ? [] : [created];
    while (left.some((life) => life.length > 0)) {
      const open = left.filter((life) => life.length > 0);
      const next = open[choices.next().value % open.length]?.shift();
      if (next !== undefined) merged.push(next);
    }
    return merged.map((event, nth) => ({ ...event, at: BEGIN + nth }) as MillraceEvent);
  });

/** What a step's machine takes, its run may not: then it has not happened. */
function happens(state: RunState, event: MillraceEvent): boolean {
  try {
    evolve(state, event);
    return true;
  } catch (error) {
    if (isMillraceError(error, "E_LOG_CORRUPT")) return false;
    throw error;
  }
}

describe("explain", () => {
  it("has an answer, and a whole one, in every state that can be reached", () => {
    const kinds = new Set<string>();
    const states = new Set<string>();
    const property = fc.property(histories, (history) => {
      const state = emptyRun("r");
      for (const event of history) {
        if (!happens(state, event)) continue;
        const { waits, kept, status } = explain(state);
        states.add(status);
        assert.equal(waits.length > 0, hasBegun(state) && !isTerminal(state), status);
        for (const { kind, what, since, until, by, next } of waits) {
          kinds.add(kind);
          assert.ok(since >= BEGIN && since <= event.at, `${what}: since ${since}`);
          assert.ok(until === null || Number.isFinite(until), `${what}: until ${until}`);
          for (const text of [what, by, next]) assert.match(text, /\S/, what);
        }
        for (const { since } of kept) assert.ok(since >= BEGIN && since <= event.at);
      }
    });
    // What is reached must not be a matter of luck.
    fc.assert(property, { numRuns: 300, seed: 1 });
    fc.assert(property, { numRuns: 300 });
    for (const kind of ["timer", "signal", "approval", "paused", "host", "decision", "attempt"]) {
      expect(kinds, kind).toContain(kind);
    }
    for (const status of ["pending", "running", "parked", "cancelling", "compensating"]) {
      expect(states, status).toContain(status);
    }
  });
});
