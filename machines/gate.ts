/**
 * A gate: what stands between runs that wait and their beginning, when only so many may be at work.
 *
 *   unborn ──> open ──> closed        closed: its next generation goes on with what it carried over
 *
 * In `open`, whoever asks waits; who waits is admitted while every limit it asked under has room; who is
 * released makes room. Who comes next is the engine's to choose (src/domain/gate.ts); that there is
 * room is the machine's to say. Commands (`cmd.*`) only emit; events move. No clock here.
 */
import { assign, emit, setup } from "xstate";
import {
  type GateCommand,
  type GateContext,
  type GateEvent,
  type GateInput,
  gateContext,
  gateReducer,
  hasRoom,
} from "./gate-data.ts";
import { opened } from "./ledger.ts";

const isKnown = (context: GateContext, holder: string): boolean =>
  Object.hasOwn(context.waiting, holder) || Object.hasOwn(context.holders, holder);

const hasPlace = (context: GateContext, holder: string, now: number): boolean => {
  const ask = Object.hasOwn(context.waiting, holder) ? context.waiting[holder] : undefined;
  return ask !== undefined && hasRoom(context, ask.limits, now);
};

const gate = setup({
  types: {
    context: {} as GateContext,
    input: {} as GateInput,
    events: {} as GateEvent | GateCommand,
    emitted: {} as GateEvent,
  },
  guards: {
    newHolder: ({ context, event }) => "holder" in event && !isKnown(context, event.holder),
    /** Also a run that only starts are put together into. */
    knownHolder: ({ context, event }) =>
      "holder" in event &&
      (isKnown(context, event.holder) || Object.values(context.gathering).includes(event.holder)),
    mayEnter: ({ context, event }) =>
      event.type === "cmd.admit" && hasPlace(context, event.holder, event.now),
    enters: ({ context, event }) =>
      event.type === "gate.admitted" && hasPlace(context, event.holder, event.at),
  },
  actions: { apply: assign(gateReducer) },
});

/** The statechart of a gate. Its input is the gate's name. */
export const gateMachine = gate.createMachine({
  id: "gate",
  context: ({ input }) => gateContext(input ?? { name: "" }),
  initial: "unborn",
  states: {
    /** Before its first event. */
    unborn: {
      on: {
        "cmd.open": { actions: emit(({ event }) => opened(event)) },
        "ledger.opened": { target: "open", actions: "apply" },
      },
    },
    open: {
      on: {
        "cmd.ask": {
          guard: "newHolder",
          actions: emit(({ event }) => ({
            type: "gate.asked",
            at: event.now,
            holder: event.holder,
            of: event.of,
            createdAt: event.createdAt,
            limits: event.limits,
            priority: event.priority,
            fair: event.fair,
          })),
        },
        "gate.asked": { guard: "newHolder", actions: "apply" },
        "cmd.admit": {
          guard: "mayEnter",
          actions: emit(({ event }) => ({
            type: "gate.admitted",
            at: event.now,
            holder: event.holder,
          })),
        },
        "gate.admitted": { guard: "enters", actions: "apply" },
        "cmd.release": {
          guard: "knownHolder",
          actions: emit(({ event }) => ({
            type: "gate.released",
            at: event.now,
            holder: event.holder,
          })),
        },
        "gate.released": { guard: "knownHolder", actions: "apply" },
        "cmd.gather": {
          actions: emit(({ event }) => ({
            type: "gate.gathered",
            at: event.now,
            key: event.key,
            into: event.into,
          })),
        },
        "gate.gathered": { actions: "apply" },
        "cmd.close": { actions: emit(({ event }) => ({ type: "ledger.closed", at: event.now })) },
        "ledger.closed": { target: "closed", actions: "apply" },
      },
    },
    closed: { type: "final" },
  },
});

/** Every state of `gateMachine`, for tables and for tests of completeness. */
export const gateStates = ["unborn", "open", "closed"] as const;

/** The name of a state of `gateMachine`. */
export type GateState = (typeof gateStates)[number];
