/**
 * Parts of the step's statechart that several of its states have in common, most of them what an
 * operator may say about a step: cancel it, skip it, try it again, let it fail.
 */
import { emit } from "xstate";
import { step } from "./step-setup.ts";

/** The end with a result. */
export const complete = step.createStateConfig({
  on: {
    "cmd.complete": {
      guard: "ofThisAttempt",
      actions: emit(({ context, event }) => ({
        type: "step.completed",
        at: event.now,
        step: context.id,
        attempt: event.attempt,
        output: event.output,
      })),
    },
    "step.completed": { target: "#step.completed", guard: "ofThisAttempt", actions: "apply" },
  },
}).on;

/** Stopping it; it has no outcome of its own then. */
export const cancel = step.createStateConfig({
  on: {
    "cmd.cancel": {
      actions: emit(({ context, event }) => ({
        type: "step.cancelled",
        at: event.now,
        step: context.id,
        reason: event.reason,
      })),
    },
    "step.cancelled": { target: "#step.cancelled", actions: "apply" },
  },
}).on;

/** Going on without it, with an output in place of its result or with none. */
export const skip = step.createStateConfig({
  on: {
    "cmd.skip": {
      actions: emit(({ context, event }) => ({
        type: "step.skipped",
        at: event.now,
        step: context.id,
        reason: event.reason,
        ...(event.by === undefined ? {} : { by: event.by }),
        ...(event.output === undefined ? {} : { output: event.output }),
      })),
    },
    "step.skipped": { target: "#step.skipped", actions: "apply" },
  },
}).on;

/** Trying it again at once: an attempt that runs is given up, and its report comes too late. */
export const retry = step.createStateConfig({
  on: {
    "cmd.retry": {
      actions: emit(({ context, event }) => ({
        type: "step.rescheduled",
        at: event.now,
        step: context.id,
        by: event.by,
        reason: event.reason,
        maxAttempts: context.attempt + event.attempts,
        ...(event.input === undefined ? {} : { input: event.input }),
      })),
    },
    "step.rescheduled": { target: "#step.pending", actions: "apply" },
  },
}).on;

const failed = step.createAction(
  emit(({ context, event }) => {
    if (event.type !== "cmd.fail") throw new Error(`cannot fail on ${event.type}`);
    const { now: at, attempt, error } = event;
    return { type: "step.failed", at, step: context.id, attempt, error };
  }),
);

const held = step.createAction(
  emit(({ context, event }) => {
    if (event.type !== "cmd.fail") throw new Error(`cannot hold on ${event.type}`);
    const { now: at, attempt, error } = event;
    return { type: "step.held", at, step: context.id, attempt, error };
  }),
);

/** Failing for good, whatever is declared for that. */
export const failAnyway = { guard: "ofThisAttempt", actions: failed } as const;

/** What a failure that no attempt will mend leads to: the first of these that is possible. */
export const fail = [{ guard: "isToBeHeld", actions: held }, failAnyway] as const;

/** The events that `fail` leads to. */
export const failing = step.createStateConfig({
  on: {
    "step.held": { target: "#step.held", guard: "isToBeHeld", actions: "apply" },
    "step.failed": { target: "#step.failed", guard: "ofThisAttempt", actions: "apply" },
  },
}).on;

/** How a held step comes to fail after all: with what it was held for. */
export const giveUp = step.createStateConfig({
  on: {
    "cmd.give_up": {
      actions: emit(({ context, event }) => ({
        type: "step.failed",
        at: event.now,
        step: context.id,
        attempt: context.attempt,
        error: context.error ?? { code: "Error", message: "unknown" },
        by: event.by,
        reason: event.reason,
      })),
    },
    "step.failed": { target: "#step.failed", guard: "ofThisAttempt", actions: "apply" },
  },
}).on;
