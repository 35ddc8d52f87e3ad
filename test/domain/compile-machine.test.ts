// The table refuses, when the program starts, every XState feature whose meaning it cannot carry.

import { describe, expect, it } from "vitest";
import {
  and,
  assign,
  createMachine,
  emit,
  enqueueActions,
  fromPromise,
  log,
  not,
  raise,
  sendTo,
  spawnChild,
  stateIn,
} from "xstate";
import { reducer } from "../../machines/reducer.ts";
import { compileMachine } from "../../src/domain/table.ts";

interface Context {
  n: number;
}
type Event = { type: "go" } | { type: "went" };

const plain = fromPromise(() => Promise.resolve());
const apply = assign(reducer<Context, { type: string }>((context) => void context.n++));
const out = emit({ type: "went" });
const context: Context = { n: 0 };

/** A machine of two states whose first takes `went`; `more` goes into that state. */
const withState = (more: object) =>
  createMachine({
    id: "tiny",
    context,
    initial: "a",
    states: { a: { on: { went: { target: "b", actions: apply } }, ...more }, b: {} },
  } as never);
/** The same, with one more transition. */
const withGo = (go: unknown) => withState({ on: { go } });
const withRoot = (more: object) =>
  createMachine({ id: "tiny", context, initial: "a", states: { a: {}, b: {} }, ...more } as never);

/** A transition that names its guards and actions. */
const withNamed = (go: object) =>
  withGo(go).provide({
    actions: { apply },
    guards: { both: and([() => true]), atLeast: () => true },
  } as never);

const refused: readonly (readonly [string, () => Parameters<typeof compileMachine>[0], RegExp])[] =
  [
    ["after", () => withState({ after: { 5: "b" } }), /delayed/],
    ["invoke", () => withState({ invoke: { src: plain } }), /invoked/],
    ["entry", () => withState({ entry: out }), /entry or exit/],
    ["exit", () => withState({ exit: out }), /entry or exit/],
    ["always", () => withState({ always: { target: "b" } }), /eventless/],
    ["a nested state", () => withState({ initial: "x", states: { x: {} } }), /compound state a/],
    ["a parallel state", () => withState({ type: "parallel", states: { x: {} } }), /parallel/],
    ["a history state", () => withState({ type: "history" }), /history/],
    ["output", () => withState({ type: "final", output: 1, on: undefined }), /output/],
    ["a wildcard", () => withState({ on: { "*": "b" } }), /wildcard/],
    ["a partial wildcard", () => withState({ on: { "x.*": "b" } }), /wildcard/],
    ["a parallel root", () => createMachine({ type: "parallel", states: { a: {} } }), /root/],
    ["a root without states", () => createMachine({}), /root/],
    ["a transition of the root", () => withRoot({ on: { go: ".b" } }), /transition of the root/],
    ["after in the root", () => withRoot({ after: { 5: ".b" } }), /root|delayed/],
    ["entry of the root", () => withRoot({ entry: out }), /entry or exit/],
    ["exit of the root", () => withRoot({ exit: out }), /entry or exit/],
    ["invoke in the root", () => withRoot({ invoke: { src: plain } }), /invoked/],
    ["always in the root", () => withRoot({ always: { target: ".b" } }), /eventless/],
    ["a route", () => withState({ id: "x", route: {} }), /transition of the root/],
    ["an initial action", () => withRoot({ initial: { target: "a", actions: out } }), /initial/],
    ["and(…)", () => withGo({ guard: and([() => true]), actions: out }), /guard/],
    ["not(…)", () => withGo({ guard: not(() => true), actions: out }), /guard/],
    ["stateIn(…)", () => withGo({ guard: stateIn("a"), actions: out }), /guard/],
    ["an unknown guard", () => withGo({ guard: "nobody", actions: out }), /guard/],
    ["a named combination", () => withNamed({ guard: "both", target: "b" }), /guard/],
    [
      "guard params",
      () => withNamed({ guard: { type: "atLeast", params: { min: 1 } }, target: "b" }),
      /guard/,
    ],
    ["a function as action", () => withGo({ actions: () => undefined }), /neither/],
    ["an unknown action", () => withGo({ actions: "nobody" }), /neither/],
    ["assign without reducer", () => withGo({ actions: assign({ n: 1 }) }), /neither/],
    ["raise", () => withGo({ actions: raise({ type: "went" }) }), /neither/],
    ["sendTo", () => withGo({ actions: sendTo("x", { type: "went" }) }), /neither/],
    ["log", () => withGo({ actions: log("x") }), /neither/],
    ["spawnChild", () => withGo({ actions: spawnChild(plain) }), /neither/],
    ["enqueueActions", () => withGo({ actions: enqueueActions(() => undefined) }), /neither/],
    [
      "action params",
      () => withNamed({ actions: { type: "apply", params: { x: 1 } } }),
      /parameters of an action/,
    ],
    ["emit with a target", () => withGo({ target: "b", actions: out }), /both emits and changes/],
    ["emit with assign", () => withGo({ actions: [apply, out] }), /both emits and changes/],
  ];

describe("compileMachine", () => {
  it.each(refused)("refuses %s", (_what, machine, message) => {
    expect(() => compileMachine(machine())).toThrow(message);
    expect(() => compileMachine(machine())).toThrow(/event-sourced/);
  });

  it("takes the same machine without any of it", () => {
    const table = compileMachine<Context, Event, Event>(withGo({ actions: out }));
    const actor = table.create({ n: 0 });
    expect(table.decide(actor, { type: "go" })).toEqual({ ok: true, value: [{ type: "went" }] });
    expect(actor).toEqual({ state: "a", context: { n: 0 } });
  });

  it("carries an inline guard, and a static emit as well as a computed one", () => {
    const guard = ({ context: { n } }: { context: Context }) => n > 0;
    const computed = emit(({ context: { n } }: { context: Context }) => ({ type: `went${n}` }));
    const table = compileMachine<Context, Event, Event>(
      withGo([{ guard, actions: computed }, { actions: out }]),
    );
    const decide = (n: number) => table.decide(table.create({ n }), { type: "go" });
    expect(decide(0)).toEqual({ ok: true, value: [{ type: "went" }] });
    expect(decide(2)).toEqual({ ok: true, value: [{ type: "went2" }] });
  });

  it("lets a forbidden transition keep those after it from being taken, as XState does", () => {
    const guard = ({ context: { n } }: { context: Context }) => n === 0;
    const machine = withGo([{ guard }, { actions: out }]);
    const table = compileMachine<Context, Event, Event>(machine);
    for (const n of [0, 1]) {
      const legal = machine.resolveState({ value: "a", context: { n } } as never).can({
        type: "go",
      } as never);
      expect(table.can(table.create({ n }), { type: "go" })).toBe(legal);
      expect(table.decide(table.create({ n }), { type: "go" }).ok).toBe(n === 1);
    }
  });

  it("does not take an event that moves nothing for a decision", () => {
    const table = compileMachine<Context, Event, Event>(withGo({ actions: apply }));
    const actor = table.create({ n: 0 });
    expect(table.decide(actor, { type: "go" })).toEqual({
      ok: false,
      error: { state: "a", refused: "go" },
    });
    expect(table.evolve(actor, { type: "go" }).ok).toBe(true);
    expect(actor).toEqual({ state: "a", context: { n: 1 } });
  });
});
