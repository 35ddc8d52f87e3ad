/**
 * What the parts of the run's statechart share: its types, and the guards that say when a command or
 * event is possible beyond the state it meets.
 */
import { assign, setup } from "xstate";
import { mayDecide } from "./approval.ts";
import { holdsBack } from "./run-admission.ts";
import type { RunCommand, RunContext, RunEvent, RunInput } from "./run-data.ts";
import { runReducer } from "./run-reducer.ts";

/** XState's typed builder for everything of the run. */
export const run = setup({
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
      (context.timers[event.timer]?.due ?? Infinity) <= event.now,
    newWait: ({ context, event }) =>
      "wait" in event &&
      !Object.hasOwn(context.waits, event.wait) &&
      !Object.hasOwn(context.waited, event.wait),
    openWait: ({ context, event }) => "wait" in event && Object.hasOwn(context.waits, event.wait),
    /**
     * The wait is open, and the signal is one of its name that nobody has taken; for an approval, a
     * decision of somebody who may decide, and for no other wait a decision.
     */
    fittingSignal: ({ context: { waits, signals, taken }, event }) => {
      if (event.type !== "cmd.match_wait" && event.type !== "wait.matched") return false;
      if (!Object.hasOwn(waits, event.wait) || !Object.hasOwn(taken, event.signal)) return false;
      const [wait, signal] = [waits[event.wait], signals[taken[event.signal] ?? -1]];
      if (signal?.takenBy !== null || signal.refused || signal.name !== wait?.name) return false;
      const { decision } = signal;
      if (wait.approval === undefined || decision === undefined) return wait.approval === decision;
      return mayDecide(wait.approval, decision);
    },
    /** It is a decision, and has neither been taken nor refused. */
    openDecision: ({ context: { signals, taken }, event }) => {
      if (!("signal" in event) || !Object.hasOwn(taken, event.signal)) return false;
      const signal = signals[taken[event.signal] ?? -1];
      return signal?.decision !== undefined && signal.takenBy === null && !signal.refused;
    },
    dueWait: ({ context, event }) =>
      event.type === "cmd.expire_wait" &&
      Object.hasOwn(context.waits, event.wait) &&
      (context.waits[event.wait]?.due ?? Infinity) <= event.now,
    /** A cancellation that gives the steps less time than the one before. */
    soonerEnd: ({ context, event }) =>
      (event.type === "cmd.cancel" || event.type === "run.cancelling") &&
      (event.until ?? 0) < (context.cancelUntil ?? 0),
    notParked: ({ context }) => context.parkedReason === null,
    isPlanned: ({ context }) => context.planned,
    notPlanned: ({ context }) => !context.planned,
    newStart: ({ context, event }) =>
      "start" in event && context.gather !== null && !Object.hasOwn(context.gathered, event.start),
    isHeldBack: ({ context }) => holdsBack(context),
    mayBegin: ({ context, event }) =>
      event.type === "cmd.admit" && holdsBack(context) && (context.notBefore ?? 0) <= event.now,
    isPaused: ({ context }) => context.paused !== null,
    notPaused: ({ context }) => context.paused === null,
    nextEpoch: ({ context, event }) =>
      event.type === "run.claimed" && event.epoch === context.epoch + 1,
  },
  actions: { apply: assign(runReducer) },
});
