// One test per bug that was found in the machines, so that none comes back.
import { describe, expect, it } from "vitest";
import { type RunEvent, runContext } from "../../machines/run-data.ts";
import { runReducer } from "../../machines/run-reducer.ts";
import { runTable } from "../../src/domain/state.ts";
import { subjects, xstate } from "./subject.ts";

const at = 1;
const created: RunEvent = {
  type: "run.created",
  at,
  workflow: "w",
  content: "c",
  input: { json: null },
  plan: {},
};

function runningRun() {
  const actor = runTable.create(runContext({ id: "r" }));
  runTable.evolve(actor, created);
  runTable.evolve(actor, { type: "run.claimed", at, epoch: 1, node: "n", lease: "l" });
  return actor;
}

describe("the run machine", () => {
  it.each(["constructor", "toString", "hasOwnProperty"])(
    "sets, and fires once, a timer with the inherited name %s",
    (timer) => {
      const actor = runningRun();
      expect(runTable.evolve(actor, { type: "timer.fired", at, timer }).ok).toBe(false);
      const set = runTable.decide(actor, { type: "cmd.set_timer", now: at, timer, due: 5 });
      expect(set).toEqual({ ok: true, value: [{ type: "timer.set", at, timer, due: 5 }] });
      runTable.evolve(actor, { type: "timer.set", at, timer, due: 5 });
      const early = { type: "cmd.fire_timer", now: 4, timer } as const;
      expect(runTable.decide(actor, early).ok).toBe(false);
      const fired = { type: "timer.fired", at: 5, timer } as const;
      expect(runTable.decide(actor, { ...early, now: 5 })).toEqual({ ok: true, value: [fired] });
      expect(runTable.evolve(actor, fired).ok).toBe(true);
      expect(runTable.evolve(actor, fired).ok).toBe(false);
      const again = { type: "cmd.set_timer", now: 6, timer, due: 9 } as const;
      expect(runTable.decide(actor, again).ok).toBe(false);
    },
  );

  it("takes a signal with an inherited id once", () => {
    const actor = runningRun();
    const signal = { signal: "constructor", name: "n", payload: { json: 1 } };
    const event = { type: "signal.received", at, ...signal } as const;
    expect(runTable.evolve(actor, event).ok).toBe(true);
    expect(runTable.evolve(actor, event).ok).toBe(false);
    expect(runTable.decide(actor, { type: "cmd.signal", now: at, ...signal }).ok).toBe(false);
    expect(actor.context.signals).toHaveLength(1);
  });
});

describe("a wait for a signal", () => {
  const match = (wait: string, signal: string) =>
    ({ type: "wait.matched", at, wait, signal }) as const;

  it("gets a signal of its own name that no other wait has got, and only one", () => {
    const actor = runningRun();
    for (const [signal, name] of [
      ["s1", "paid"],
      ["s2", "sent"],
    ] as const) {
      runTable.evolve(actor, { type: "signal.received", at, signal, name, payload: { json: 1 } });
    }
    for (const wait of ["w1", "w2"]) {
      runTable.evolve(actor, { type: "wait.opened", at, wait, name: "paid", due: null });
    }
    expect(runTable.evolve(actor, match("w1", "s2")).ok).toBe(false);
    expect(runTable.evolve(actor, match("w1", "constructor")).ok).toBe(false);
    expect(runTable.evolve(actor, match("toString", "s1")).ok).toBe(false);
    expect(runTable.evolve(actor, match("w1", "s1")).ok).toBe(true);
    expect(runTable.evolve(actor, match("w1", "s1")).ok).toBe(false);
    expect(runTable.evolve(actor, match("w2", "s1")).ok).toBe(false);
    expect(actor.context.signals.map(({ takenBy }) => takenBy)).toEqual(["w1", null]);
    expect(actor.context.waited).toEqual({ w1: "s1" });
    expect(Object.keys(actor.context.waits)).toEqual(["w2"]);
  });
});

describe("the node machine", () => {
  it("suspects a node no longer that was heard from, also when it says that it drains", () => {
    const subject = subjects.find(({ name }) => name === "node");
    if (subject === undefined) throw new Error("no node machine");
    let snapshot = xstate.initial(subject);
    for (const type of ["node.suspected", "node.draining"]) {
      snapshot = xstate.evolve(subject.machine, snapshot, { type, at: 7 } as { type: string });
    }
    expect(snapshot.value).toBe("draining");
    expect(snapshot.context).toMatchObject({ seenAt: 7, suspectedAt: null });
  });
});

describe("a reducer", () => {
  it("leaves the context it is given alone and returns a frozen one", () => {
    const before = runContext({ id: "r" });
    const text = JSON.stringify(before);
    const after = runReducer({ context: before, event: created });
    expect(JSON.stringify(before)).toBe(text);
    expect(after.workflow).toBe("w");
    expect(Object.isFrozen(after)).toBe(true);
    expect(Object.isFrozen(after.input)).toBe(true);
  });
});
