/**
 * A run of a workflow: from its creation to its one end.
 *
 *   pending ──> running <──> parked          parked: nothing can move before a time or an input
 *                  │  │          │
 *                  │  └──> cancelling ──┬────────────────> cancelled
 *                  │                    └─> compensating ──┘ └──> failed
 *                  └──> completed | failed | compensating
 *
 * `run.claimed` says who hosts the run from here on; its epoch grows with every claim, and a host that
 * reads a higher epoch than its own lets go. Commands (`cmd.*`) only emit; events move. No clock here.
 */
import { assign, emit, setup } from "xstate";
import {
  type RunCommand,
  type RunContext,
  type RunEvent,
  type RunInput,
  runContext,
  runReducer,
} from "./run-data.ts";

const run = setup({
  types: {
    context: {} as RunContext,
    input: {} as RunInput,
    events: {} as RunEvent | RunCommand,
    emitted: {} as RunEvent,
  },
  guards: {
    newSignal: ({ context, event }) =>
      "signal" in event && !Object.hasOwn(context.taken, event.signal),
    // Own keys only: a timer may well be called "constructor".
    newTimer: ({ context, event }) =>
      "timer" in event &&
      !Object.hasOwn(context.timers, event.timer) &&
      !Object.hasOwn(context.fired, event.timer),
    setTimer: ({ context, event }) =>
      "timer" in event && Object.hasOwn(context.timers, event.timer),
    dueTimer: ({ context, event }) =>
      event.type === "cmd.fire_timer" &&
      Object.hasOwn(context.timers, event.timer) &&
      (context.timers[event.timer] ?? Infinity) <= event.now,
    newWait: ({ context, event }) =>
      "wait" in event &&
      !Object.hasOwn(context.waits, event.wait) &&
      !Object.hasOwn(context.waited, event.wait),
    openWait: ({ context, event }) => "wait" in event && Object.hasOwn(context.waits, event.wait),
    /** The wait is open, and the signal is one of its name that nobody has taken. */
    fittingSignal: ({ context: { waits, signals, taken }, event }) => {
      if (event.type !== "cmd.match_wait" && event.type !== "wait.matched") return false;
      if (!Object.hasOwn(waits, event.wait) || !Object.hasOwn(taken, event.signal)) return false;
      const signal = signals[taken[event.signal] ?? -1];
      return signal?.takenBy === null && signal.name === waits[event.wait]?.name;
    },
    dueWait: ({ context, event }) =>
      event.type === "cmd.expire_wait" &&
      Object.hasOwn(context.waits, event.wait) &&
      (context.waits[event.wait]?.due ?? Infinity) <= event.now,
    isPaused: ({ context }) => context.paused !== null,
    notPaused: ({ context }) => context.paused === null,
    nextEpoch: ({ context, event }) =>
      event.type === "run.claimed" && event.epoch === context.epoch + 1,
  },
  actions: { apply: assign(runReducer) },
});

/** What a run that has begun and not ended takes in every state. */
const live = run.createStateConfig({
  on: {
    "cmd.signal": {
      guard: "newSignal",
      actions: emit(({ event }) => ({
        type: "signal.received",
        at: event.now,
        signal: event.signal,
        name: event.name,
        payload: event.payload,
      })),
    },
    "signal.received": { guard: "newSignal", actions: "apply" },
    "cmd.fire_timer": {
      guard: "dueTimer",
      actions: emit(({ event }) => ({ type: "timer.fired", at: event.now, timer: event.timer })),
    },
    "timer.fired": { guard: "setTimer", actions: "apply" },
  },
}).on;

/** What a run that is being worked on may wait for. One of match and expiry ends a wait; the log says which. */
const waiting = run.createStateConfig({
  on: {
    "cmd.open_wait": {
      guard: "newWait",
      actions: emit(({ event }) => ({
        type: "wait.opened",
        at: event.now,
        wait: event.wait,
        name: event.name,
        due: event.due,
      })),
    },
    "wait.opened": { guard: "newWait", actions: "apply" },
    "cmd.match_wait": {
      guard: "fittingSignal",
      actions: emit(({ event }) => ({
        type: "wait.matched",
        at: event.now,
        wait: event.wait,
        signal: event.signal,
      })),
    },
    "wait.matched": { guard: "fittingSignal", actions: "apply" },
    "cmd.expire_wait": {
      guard: "dueWait",
      actions: emit(({ event }) => ({ type: "wait.expired", at: event.now, wait: event.wait })),
    },
    "wait.expired": { guard: "openWait", actions: "apply" },
  },
}).on;

const pause = run.createStateConfig({
  on: {
    "cmd.pause": {
      guard: "notPaused",
      actions: emit(({ event }) => ({
        type: "run.paused",
        at: event.now,
        by: event.by,
        reason: event.reason,
      })),
    },
    "run.paused": { guard: "notPaused", actions: "apply" },
    "cmd.resume": {
      guard: "isPaused",
      actions: emit(({ event }) => ({ type: "run.resumed", at: event.now, by: event.by })),
    },
    "run.resumed": { guard: "isPaused", actions: "apply" },
  },
}).on;

const compensate = run.createStateConfig({
  on: {
    "cmd.compensate": {
      actions: emit(({ event }) => ({
        type: "run.compensating",
        at: event.now,
        ...(event.error === undefined ? {} : { error: event.error }),
      })),
    },
    "run.compensating": { target: "#run.compensating", actions: "apply" },
  },
}).on;

const close = run.createStateConfig({
  on: {
    "cmd.close": { actions: emit(({ event }) => ({ type: "run.cancelled", at: event.now })) },
    "run.cancelled": { target: "#run.cancelled", actions: "apply" },
  },
}).on;

const fail = run.createStateConfig({
  on: {
    "cmd.fail": {
      actions: emit(({ event }) => ({ type: "run.failed", at: event.now, error: event.error })),
    },
    "run.failed": { target: "#run.failed", actions: "apply" },
  },
}).on;

const claim = run.createAction(
  emit(({ context, event }) => {
    if (event.type !== "cmd.claim") throw new Error(`cannot claim on ${event.type}`);
    const { now: at, node, lease } = event;
    return { type: "run.claimed", at, epoch: context.epoch + 1, node, lease };
  }),
);

const cancel = run.createStateConfig({
  on: {
    "cmd.cancel": {
      actions: emit(({ event }) => ({
        type: "run.cancelling",
        at: event.now,
        by: event.by,
        reason: event.reason,
      })),
    },
    "run.cancelling": { target: "#run.cancelling", actions: "apply" },
  },
}).on;

/** The statechart of a run. Its input is the run's id; it begins before the run's first event. */
export const runMachine = run.createMachine({
  id: "run",
  context: ({ input }) => runContext(input ?? { id: "" }),
  initial: "unborn",
  states: {
    /** Before its first event. */
    unborn: { on: { "run.created": { target: "pending", actions: "apply" } } },
    /** Created; no process has claimed it yet. */
    pending: {
      on: {
        "cmd.claim": { actions: claim },
        "run.claimed": { target: "running", guard: "nextEpoch", actions: "apply" },
        ...live,
        ...pause,
        ...cancel,
      },
    },
    running: {
      on: {
        "cmd.claim": { actions: claim },
        "run.claimed": { guard: "nextEpoch", actions: "apply" },
        "cmd.park": {
          actions: emit(({ event }) => ({
            type: "run.parked",
            at: event.now,
            reason: event.reason,
            until: event.until,
          })),
        },
        "run.parked": { target: "parked", actions: "apply" },
        "cmd.set_timer": {
          guard: "newTimer",
          actions: emit(({ event }) => ({
            type: "timer.set",
            at: event.now,
            timer: event.timer,
            due: event.due,
          })),
        },
        "timer.set": { guard: "newTimer", actions: "apply" },
        "cmd.complete": {
          actions: emit(({ event }) => ({
            type: "run.completed",
            at: event.now,
            output: event.output,
          })),
        },
        "run.completed": { target: "completed", actions: "apply" },
        ...fail,
        ...compensate,
        ...waiting,
        ...live,
        ...pause,
        ...cancel,
      },
    },
    /** Held by nobody until `parkedUntil` or an input. */
    parked: {
      on: {
        "cmd.claim": { actions: claim },
        "run.claimed": { target: "running", guard: "nextEpoch", actions: "apply" },
        ...live,
        ...pause,
        ...cancel,
      },
    },
    /** Its steps are being stopped; nothing new begins. */
    cancelling: {
      on: {
        "cmd.claim": { actions: claim },
        "run.claimed": { guard: "nextEpoch", actions: "apply" },
        ...close,
        ...compensate,
        ...live,
      },
    },
    /** What its steps have done is being undone; then it fails, or is cancelled. */
    compensating: {
      on: {
        "cmd.claim": { actions: claim },
        "run.claimed": { guard: "nextEpoch", actions: "apply" },
        ...fail,
        ...close,
        ...live,
      },
    },
    completed: { type: "final" },
    failed: { type: "final" },
    cancelled: { type: "final" },
  },
});

/** Every state of `runMachine`, for tables and for tests of completeness. */
export const runStates = [
  "unborn",
  "pending",
  "running",
  "parked",
  "cancelling",
  "compensating",
  "completed",
  "failed",
  "cancelled",
] as const;

/** The name of a state of `runMachine`: the run's status. */
export type RunState = (typeof runStates)[number];
