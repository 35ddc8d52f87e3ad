// Every way through each machine that XState finds is a way through the compiled table.
import assert from "node:assert/strict";
import { describe, expect, it } from "vitest";
import { getNextTransitions } from "xstate";
import { type Path, sampleEvents, shortestPaths, simplePaths } from "./paths.ts";
import { type Message, type Subject, subjects, xstate } from "./subject.ts";

/** Runs of these machines would wait for this many ms: nothing is due before, everything after. */
const NOW = 1_000;
const error = { code: "E", message: "m" };
const json = { json: null };
const samples = { at: NOW, now: NOW, node: "n", reason: "r", by: "b", lease: "l", until: null };
const fields = { error, output: json, payload: json, input: json, timer: "x", signal: "x" };
const numbers = { attempt: 1, epoch: 1, count: 1, due: 1, retryAt: 1, suspectMs: 1, goneMs: 1 };

/** A message of any type that names all fields of the vocabulary. */
const message = (type: string): Message => ({ type, ...samples, ...fields, ...numbers }) as Message;

/** Where a path ends, on the table. */
function replay({ table, fresh }: Subject, events: Path) {
  const actor = table.create(fresh());
  for (const event of events) assert.equal(table.evolve(actor, event).ok, true);
  return actor;
}

/** Where it ends in XState. */
function walk(subject: Subject, events: Path) {
  let snapshot = xstate.initial(subject);
  for (const event of events) snapshot = xstate.evolve(subject.machine, snapshot, event);
  return snapshot;
}

/** What XState would look at in any state: every event and command the machine knows. */
function vocabulary({ machine, states }: Subject): readonly string[] {
  const types = states.flatMap((value) =>
    getNextTransitions(machine.resolveState({ value, context: {} })).map((next) => next.eventType),
  );
  return [...new Set(types)];
}

describe.each(subjects)("the $name machine", (subject) => {
  it("goes every simple path on the table as in XState", () => {
    const paths = simplePaths(subject);
    const ends = new Set<unknown>();
    for (const path of paths) {
      const [actor, snapshot] = [replay(subject, path), walk(subject, path)];
      assert.equal(actor.state, snapshot.value);
      assert.deepEqual(actor.context, snapshot.context);
      ends.add(snapshot.value);
    }
    expect([...ends].sort()).toEqual([...subject.states].sort());
    expect(paths.length).toBeGreaterThanOrEqual(subject.states.length);
  });

  it("samples every event that it knows", () => {
    const events = vocabulary(subject).filter((type) => !type.startsWith("cmd."));
    expect(new Set(sampleEvents(subject).map(({ type }) => type))).toEqual(new Set(events));
  });

  it("refuses in every state whatever that state does not name, and changes nothing", () => {
    const known = vocabulary(subject);
    const foreign = ["", "cmd.none", "step.none", "xstate.init", "*", "constructor", "__proto__"];
    for (const path of shortestPaths(subject)) {
      const snapshot = walk(subject, path);
      const named = new Set(getNextTransitions(snapshot).map((next) => next.eventType));
      for (const type of [...known, ...foreign].filter((type) => !named.has(type))) {
        const actor = replay(subject, path);
        const before = structuredClone(actor);
        assert.equal(xstate.legal(snapshot, message(type)), false, `${actor.state} ${type}`);
        assert.equal(subject.table.can(actor, message(type)), false);
        const refusal = { ok: false, error: { state: before.state, refused: type } };
        assert.deepEqual(subject.table.decide(actor, message(type)), refusal);
        assert.deepEqual(subject.table.evolve(actor, message(type)), refusal);
        assert.deepEqual(actor, before);
      }
    }
  });

  it("takes commands for decisions and events for moves, never the other way round", () => {
    const known = vocabulary(subject);
    for (const path of shortestPaths(subject)) {
      const actor = replay(subject, path);
      const before = structuredClone(actor);
      for (const type of known) {
        const isCommand = type.startsWith("cmd.");
        const wrong = isCommand
          ? subject.table.evolve(actor, message(type))
          : subject.table.decide(actor, message(type));
        assert.equal(wrong.ok, false, `${type} in ${before.state}`);
        assert.deepEqual(actor, before);
      }
    }
  });
});
