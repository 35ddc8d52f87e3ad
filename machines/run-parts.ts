/**
 * Parts of the run's statechart that several of its states have in common, each a command with what it
 * emits beside the event that moves.
 */
import { emit } from "xstate";
import { run } from "./run-setup.ts";

/** What a run that has begun and not ended takes in every state. */
export const live = run.createStateConfig({
  on: {
    "cmd.signal": {
      guard: "newSignal",
      actions: emit(({ event }) => ({
        type: "signal.received",
        at: event.now,
        signal: event.signal,
        name: event.name,
        payload: event.payload,
        ...(event.decision === undefined ? {} : { decision: event.decision }),
      })),
    },
    "signal.received": { guard: "newSignal", actions: "apply" },
    "cmd.fire_timer": {
      guard: "dueTimer",
      actions: emit(({ event }) => ({ type: "timer.fired", at: event.now, timer: event.timer })),
    },
    "timer.fired": { guard: "setTimer", actions: "apply" },
    "cmd.terminate": {
      actions: emit(({ event }) => ({
        type: "run.terminated",
        at: event.now,
        by: event.by,
        reason: event.reason,
      })),
    },
    "run.terminated": { target: "#run.terminated", actions: "apply" },
  },
}).on;

/** Letting go of a run that waits. */
export const park = run.createAction(
  emit(({ event }) => {
    if (event.type !== "cmd.park") throw new Error(`cannot park on ${event.type}`);
    const { now: at, reason, until, error, faults } = event;
    return {
      type: "run.parked",
      at,
      reason,
      until,
      ...(error === undefined ? {} : { error }),
      ...(faults === undefined ? {} : { faults }),
    };
  }),
);

/** What a run that is being worked on may wait for. One of match and expiry ends a wait; the log says which. */
export const waiting = run.createStateConfig({
  on: {
    "cmd.open_wait": {
      guard: "newWait",
      actions: emit(({ event }) => ({
        type: "wait.opened",
        at: event.now,
        wait: event.wait,
        name: event.name,
        due: event.due,
        ...(event.approval === undefined ? {} : { approval: event.approval }),
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
    "cmd.cancel_wait": {
      guard: "openWait",
      actions: emit(({ event }) => ({ type: "wait.cancelled", at: event.now, wait: event.wait })),
    },
    "wait.cancelled": { guard: "openWait", actions: "apply" },
    "cmd.refuse_signal": {
      guard: "openDecision",
      actions: emit(({ event }) => ({
        type: "signal.refused",
        at: event.now,
        signal: event.signal,
        reason: event.reason,
      })),
    },
    "signal.refused": { guard: "openDecision", actions: "apply" },
    "cmd.cancel_timer": {
      guard: "setTimer",
      actions: emit(({ event }) => ({
        type: "timer.cancelled",
        at: event.now,
        timer: event.timer,
      })),
    },
    "timer.cancelled": { guard: "setTimer", actions: "apply" },
  },
}).on;

/** Further starts for a run that nobody has claimed yet. */
export const gathering = run.createStateConfig({
  on: {
    "cmd.gather": {
      guard: "newStart",
      actions: emit(({ event }) => ({
        type: "run.gathered",
        at: event.now,
        start: event.start,
        input: event.input,
        notBefore: event.notBefore,
        ...(event.deadline === undefined ? {} : { deadline: event.deadline }),
      })),
    },
    "run.gathered": { guard: "newStart", actions: "apply" },
  },
}).on;

/** The leave to begin, for a run that was not to begin at once. */
export const admission = run.createStateConfig({
  on: {
    "cmd.admit": {
      guard: "mayBegin",
      actions: emit(({ event }) => ({ type: "run.admitted", at: event.now })),
    },
    "run.admitted": { guard: "isHeldBack", actions: "apply" },
  },
}).on;

/** Asking for a pause, and its end. */
export const pause = run.createStateConfig({
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

/** What a run that was started by the name of its workflow lacks. */
export const plan = run.createStateConfig({
  on: {
    "cmd.plan": {
      guard: "notPlanned",
      actions: emit(({ event }) => {
        const { type: _, now: at, ...rest } = event;
        return { type: "run.planned", at, ...rest };
      }),
    },
    "run.planned": { guard: "notPlanned", actions: "apply" },
  },
}).on;

/** Another version of its workflow. Whoever asks for it claims the run first: nobody else then writes to it. */
export const migrate = run.createStateConfig({
  on: {
    "cmd.migrate": {
      guard: "isPlanned",
      actions: emit(({ event }) => ({
        type: "run.migrated",
        at: event.now,
        plan: event.plan,
        by: event.by,
        reason: event.reason,
      })),
    },
    "run.migrated": { guard: "isPlanned", actions: "apply" },
  },
}).on;

/** The end that another run goes on from. */
export const goOn = run.createStateConfig({
  on: {
    "cmd.continue": {
      actions: emit(({ event: { now: at, next, input } }) => ({
        type: "run.continued",
        at,
        next,
        input,
      })),
    },
    "run.continued": { target: "#run.continued", actions: "apply" },
  },
}).on;

/** The way to undoing what was done. */
export const compensate = run.createStateConfig({
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

/** The end of a cancellation. */
export const close = run.createStateConfig({
  on: {
    "cmd.close": { actions: emit(({ event }) => ({ type: "run.cancelled", at: event.now })) },
    "run.cancelled": { target: "#run.cancelled", actions: "apply" },
  },
}).on;

/** The end that says why. */
export const fail = run.createStateConfig({
  on: {
    "cmd.fail": {
      actions: emit(({ event }) => ({ type: "run.failed", at: event.now, error: event.error })),
    },
    "run.failed": { target: "#run.failed", actions: "apply" },
  },
}).on;

/** Whoever claims the run hosts it in the next epoch. */
export const claim = run.createAction(
  emit(({ context, event }) => {
    if (event.type !== "cmd.claim") throw new Error(`cannot claim on ${event.type}`);
    const { now: at, node, lease } = event;
    return { type: "run.claimed", at, epoch: context.epoch + 1, node, lease };
  }),
);

const cancelling = run.createAction(
  emit(({ event }) => {
    if (event.type !== "cmd.cancel") throw new Error(`cannot cancel on ${event.type}`);
    const { now: at, by, reason, until } = event;
    return { type: "run.cancelling", at, by, reason, ...(until === undefined ? {} : { until }) };
  }),
);

/** Asking for the end of the run. */
export const cancel = run.createStateConfig({
  on: {
    "cmd.cancel": { actions: cancelling },
    "run.cancelling": { target: "#run.cancelling", actions: "apply" },
  },
}).on;

/** Asking for it once more, and sooner. */
export const hurry = run.createStateConfig({
  on: {
    "cmd.cancel": { guard: "soonerEnd", actions: cancelling },
    "run.cancelling": { guard: "soonerEnd", actions: "apply" },
  },
}).on;
