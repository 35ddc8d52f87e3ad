// The table that the engine runs on and XState agree on everything, whatever is thrown at them.
import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "vitest";
import type { AnyMachineSnapshot } from "xstate";
import type { Actor } from "../../src/domain/table.ts";
import { shortestPaths } from "./paths.ts";
import { type Message, type Subject, subjects, xstate } from "./subject.ts";

const isCommand = (message: Message): boolean => message.type.startsWith("cmd.");

/** Both sides take the same message; returns how XState stands afterwards. */
function both(
  { machine, table }: Subject,
  snapshot: AnyMachineSnapshot,
  actor: Actor<object>,
  message: Message,
): AnyMachineSnapshot {
  const legal = xstate.legal(snapshot, message);
  assert.equal(table.can(actor, message), legal);
  if (!isCommand(message)) {
    assert.equal(table.evolve(actor, message).ok, legal);
    return legal ? xstate.evolve(machine, snapshot, message) : snapshot;
  }
  const decided = table.decide(actor, message);
  assert.equal(decided.ok, legal);
  // A command by itself never moves the machine.
  assert.equal(xstate.evolve(machine, snapshot, message), snapshot);
  if (!decided.ok) {
    assert.deepEqual(decided.error, { state: snapshot.value, refused: message.type });
    return snapshot;
  }
  assert.deepEqual(decided.value, xstate.decide(machine, snapshot, message));
  let moved = snapshot;
  for (const event of decided.value) {
    assert.equal(table.evolve(actor, event).ok, true, "a decided event is always applicable");
    moved = xstate.evolve(machine, moved, event);
  }
  return moved;
}

describe.each(subjects)("the $name machine", (subject) => {
  const messages = fc.array(fc.oneof(subject.commands, subject.events), {
    maxLength: 50,
    size: "max",
  });

  it("is the same on the table and in XState, from every state on", () => {
    const beginnings = fc.constantFrom(...shortestPaths(subject));
    const property = fc.property(beginnings, messages, (beginning, sequence) => {
      let snapshot = xstate.initial(subject);
      const actor = subject.table.create(subject.fresh());
      for (const message of [...beginning, ...sequence]) {
        snapshot = both(subject, snapshot, actor, message);
        assert.equal(actor.state, snapshot.value);
        assert.deepEqual(actor.context, snapshot.context);
      }
    });
    fc.assert(property, { numRuns: 400 });
  });

  it("never changes a snapshot that it has handed out", () => {
    const property = fc.property(messages, (sequence) => {
      let snapshot = xstate.initial(subject);
      for (const message of sequence) {
        const [before, text] = [snapshot, JSON.stringify(snapshot.context)];
        snapshot = xstate.evolve(subject.machine, snapshot, message);
        assert.equal(JSON.stringify(before.context), text);
        if (snapshot === before || snapshot.context === before.context) continue;
        // XState copies the context's own fields into a new object; what they hold is immer's.
        for (const part of Object.values(snapshot.context)) assert.ok(Object.isFrozen(part));
      }
    });
    fc.assert(property, { numRuns: 60 });
  });

  it("ends in final states that take nothing more", () => {
    const property = fc.property(messages, messages, (life, after) => {
      const { table, fresh } = subject;
      const actor = table.create(fresh());
      for (const event of life) if (!isCommand(event)) table.evolve(actor, event);
      if (!table.finals.has(actor.state)) return;
      const end = JSON.stringify(actor);
      for (const message of after) {
        assert.equal(table.can(actor, message), false);
        assert.equal(table.decide(actor, message).ok, false);
        assert.equal(table.evolve(actor, message).ok, false);
      }
      assert.equal(JSON.stringify(actor), end);
    });
    fc.assert(property, { numRuns: 300 });
  });
});
