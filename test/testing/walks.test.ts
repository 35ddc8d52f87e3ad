// Random walks: the machine takes all of a legal one, and all but the last event of an illegal one.
import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { subjectOf } from "../../src/testing/arbitraries/subjects.ts";
import { illegalEvents, legalEvents } from "../../src/testing.ts";
import { subjects, xstate } from "../machines/subject.ts";

const RUNS = { numRuns: 40 };

describe.each(subjects)("a walk through the $name machine", (subject) => {
  const { name, machine } = subject;

  it("is taken by XState, event for event", () => {
    const property = fc.property(legalEvents(name), (events) => {
      let snapshot = xstate.initial(subject);
      for (const event of events) {
        assert.equal(xstate.legal(snapshot, event), true, event.type);
        snapshot = xstate.evolve(machine, snapshot, event);
      }
    });
    fc.assert(property, RUNS);
  });

  it("that is illegal is refused at its last event", () => {
    const property = fc.property(illegalEvents(name), ({ history, refused }) => {
      let snapshot = xstate.initial(subject);
      for (const event of history) snapshot = xstate.evolve(machine, snapshot, event);
      assert.equal(xstate.legal(snapshot, refused), false, refused.type);
    });
    fc.assert(property, RUNS);
  });

  it("comes by every event and every state", () => {
    const seen = new Set<string>();
    const states = new Set<unknown>([xstate.initial(subject).value]);
    const all = [...Object.keys(subjectOf(name).events), ...subject.states];
    for (let batch = 0; batch < 40 && seen.size + states.size < all.length; batch++) {
      for (const events of fc.sample(legalEvents(name, { maxLength: 40 }), 50)) {
        let snapshot = xstate.initial(subject);
        for (const event of events) {
          seen.add(event.type);
          snapshot = xstate.evolve(machine, snapshot, event);
          states.add(snapshot.value);
        }
      }
    }
    expect([...seen, ...states].sort()).toEqual(all.sort());
  });

  it("shrinks to as many events as are needed", () => {
    const long = fc.check(
      fc.property(legalEvents(name, { maxLength: 6 }), (events) => events.length < 4),
      { numRuns: 200 },
    );
    expect(long.failed).toBe(true);
    expect(long.counterexample?.[0]).toHaveLength(4);
  });
});
