/**
 * The part of the step's statechart for steps that are child runs: their work is done by another run,
 * which is owed until it is known to exist, reports its end, and may have to be asked to stop.
 *
 *   waiting, pending ──> requested ──> delegated ──> completed | failed
 *                            └─────────────┴──> stopping ──> cancelled | failed
 */
import { emit } from "xstate";
import { complete, fail, failing } from "./step-parts.ts";
import { step } from "./step-setup.ts";

/** Handing the step's work to a run of its own. */
export const request = step.createStateConfig({
  on: {
    "cmd.request": {
      guard: "attemptLeft",
      actions: emit(({ context, event }) => {
        const { type: _, now: at, ...rest } = event;
        const { id, attempt } = context;
        return { type: "child.requested", at, step: id, attempt: attempt + 1, ...rest };
      }),
    },
    "child.requested": { target: "#step.requested", guard: "nextAttempt", actions: "apply" },
  },
}).on;

/** What a child run that has ended reports; no report counts twice, for the step has ended then. */
const report = step.createStateConfig({
  on: {
    ...complete,
    "cmd.fail": fail,
    ...failing,
  },
}).on;

const expire = step.createStateConfig({
  on: {
    "cmd.expire": {
      actions: emit(({ context: { id, attempt }, event: { now: at, error } }) => ({
        type: "child.stopping",
        at,
        step: id,
        attempt,
        reason: error.message,
        error,
      })),
    },
    "child.stopping": { target: "#step.stopping", guard: "ofThisAttempt", actions: "apply" },
  },
}).on;

const stop = step.createAction(
  emit(({ context: { id, attempt }, event }) => {
    if (event.type !== "cmd.cancel") throw new Error(`cannot stop on ${event.type}`);
    return { type: "child.stopping", at: event.now, step: id, attempt, reason: event.reason };
  }),
);

/** How a step ends whose child run was to stop because something went wrong. */
const end = (type: "step.held" | "step.failed") =>
  step.createAction(
    emit(({ context: { id, attempt, error }, event }) => {
      if (event.type !== "cmd.confirm") throw new Error(`cannot end on ${event.type}`);
      const why = error ?? { code: "Error", message: "unknown" };
      return { type, at: event.now, step: id, attempt, error: why };
    }),
  );

/** The child run is owed: it may not exist yet. */
export const requested = step.createStateConfig({
  on: {
    "cmd.confirm": {
      actions: emit(({ context: { id, attempt }, event: { now: at } }) => ({
        type: "child.started",
        at,
        step: id,
        attempt,
      })),
    },
    "child.started": { target: "#step.delegated", guard: "ofThisAttempt", actions: "apply" },
    // One that is to be left to itself must exist first.
    "cmd.cancel": { guard: "isKept", actions: stop },
    ...expire,
    ...report,
  },
});

/** The child run exists, and reports its end. */
export const delegated = step.createStateConfig({
  on: {
    "cmd.cancel": [
      { guard: "isKept", actions: stop },
      {
        actions: emit(({ context: { id }, event: { now: at, reason } }) => ({
          type: "step.cancelled",
          at,
          step: id,
          reason,
        })),
      },
    ],
    "step.cancelled": { target: "#step.cancelled", actions: "apply" },
    ...expire,
    ...report,
  },
});

/** That it is asked to stop is owed; whatever it reports first still counts. */
export const stopping = step.createStateConfig({
  on: {
    "cmd.confirm": [
      { guard: "wentWrongToBeHeld", actions: end("step.held") },
      { guard: "wentWrong", actions: end("step.failed") },
      {
        actions: emit(({ context: { id, reason }, event: { now: at } }) => ({
          type: "step.cancelled",
          at,
          step: id,
          reason: reason ?? "",
        })),
      },
    ],
    "step.cancelled": { target: "#step.cancelled", actions: "apply" },
    ...report,
  },
});
