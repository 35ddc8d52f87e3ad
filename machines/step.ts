/**
 * A step of a run: from being declared to its one outcome.
 *
 *   waiting ──> pending ──> running ──> completed
 *      │          │  │        │  └────> failed, or held     (by what is declared of it)
 *      │          │  ├─> mapping ──> completed | failed     (a step that fans out over a list)
 *      │          │  └─> suspended ──> completed | failed | skipped   (one that waits for time or people)
 *      │          └───────┐   └──> retrying ──> running …   (attempt counted before it runs)
 *      └─> skipped        └─> skipped, failed, held, cancelled
 *
 *   held ──> pending | skipped | failed | cancelled         (as somebody says)
 *
 * A step whose work a run of its own does goes other ways from waiting or pending: step-child.ts.
 *
 * Commands (`cmd.*`) have no target and only emit events; events have the target and the reducer.
 * Time comes in with the command. Deadlines are fields of the context; nothing here waits.
 */
import { emit } from "xstate";
import { delegated, request, requested, stopping } from "./step-child.ts";
import { stepContext } from "./step-data.ts";
import { cancel, complete, fail, failAnyway, failing, giveUp, retry, skip } from "./step-parts.ts";
import { step } from "./step-setup.ts";

/** How an attempt begins; the guards that allow it differ by state. */
const start = step.createAction(
  emit(({ context, event }) => {
    if (event.type !== "cmd.start") throw new Error(`cannot start on ${event.type}`);
    return {
      type: "step.started",
      at: event.now,
      step: context.id,
      attempt: context.attempt + 1,
      node: event.node,
      ...(event.endBy === undefined ? {} : { endBy: event.endBy }),
      ...(event.input === undefined ? {} : { input: event.input }),
      ...(event.grant === undefined ? {} : { grant: event.grant }),
      ...(event.placement === undefined ? {} : { placement: event.placement }),
    };
  }),
);

/** How a step fans out. */
const map = step.createAction(
  emit(({ context, event }) => {
    if (event.type !== "cmd.map") throw new Error(`cannot map on ${event.type}`);
    return {
      type: "step.mapped",
      at: event.now,
      step: context.id,
      count: event.count,
      ...(event.concurrency === undefined ? {} : { concurrency: event.concurrency }),
    };
  }),
);

/** The statechart of a step, and of an item of a mapped step. Its input: id and attempts in all. */
export const stepMachine = step.createMachine({
  id: "step",
  // XState builds throw-away actors without input: the factory must not need one.
  context: ({ input }) => stepContext(input ?? { id: "", maxAttempts: 1 }),
  initial: "waiting",
  states: {
    /** Declared; what it needs is not there yet. */
    waiting: {
      on: {
        "cmd.schedule": {
          actions: emit(({ context, event }) => ({
            type: "step.scheduled",
            at: event.now,
            step: context.id,
            ...(event.maxAttempts === undefined ? {} : { maxAttempts: event.maxAttempts }),
            ...(event.startBy === undefined ? {} : { startBy: event.startBy }),
            ...(event.undo === undefined ? {} : { undo: event.undo }),
            ...(event.irreversible === undefined ? {} : { irreversible: event.irreversible }),
            ...(event.whenFailed === undefined ? {} : { whenFailed: event.whenFailed }),
            ...(event.whenUndoFailed === undefined ? {} : { whenUndoFailed: event.whenUndoFailed }),
            ...(event.place === undefined ? {} : { place: event.place }),
            ...(event.input === undefined ? {} : { input: event.input }),
          })),
        },
        "step.scheduled": { target: "pending", actions: "apply" },
        "cmd.map": { actions: map },
        "step.mapped": { target: "mapping", actions: "apply" },
        ...request,
        ...skip,
        ...cancel,
      },
    },
    /** May run as soon as something can run it. */
    pending: {
      on: {
        "cmd.start": { guard: "attemptLeft", actions: start },
        "cmd.map": { actions: map },
        "cmd.suspend": {
          actions: emit(({ context, event }) => ({
            type: "step.suspended",
            at: event.now,
            step: context.id,
          })),
        },
        "step.suspended": { target: "suspended", actions: "apply" },
        "cmd.fail": fail,
        "step.started": { target: "running", guard: "nextAttempt", actions: "apply" },
        "step.mapped": { target: "mapping", actions: "apply" },
        ...request,
        ...failing,
        ...skip,
        ...cancel,
      },
    },
    running: {
      on: {
        ...complete,
        "cmd.fail": [
          {
            guard: "mayRetry",
            actions: emit(({ context, event }) => ({
              type: "step.retrying",
              at: event.now,
              step: context.id,
              attempt: event.attempt,
              error: event.error,
              retryAt: event.retryAt,
            })),
          },
          ...fail,
        ],
        "step.retrying": { target: "retrying", guard: "ofThisAttempt", actions: "apply" },
        ...failing,
        ...retry,
        ...skip,
        ...cancel,
      },
    },
    /** The last attempt failed; the next begins at `retryAt`. */
    retrying: {
      on: {
        "cmd.start": { guard: "due", actions: start },
        "step.started": { target: "running", guard: "nextAttempt", actions: "apply" },
        ...retry,
        ...skip,
        ...cancel,
      },
    },
    /** Out of attempts; nothing follows until somebody says what. */
    held: { on: { ...retry, ...skip, ...giveUp, ...cancel } },
    /** Its items are steps of their own; their outputs together are its output. */
    mapping: {
      on: {
        ...complete,
        "cmd.fail": failAnyway,
        "step.failed": { target: "failed", guard: "ofThisAttempt", actions: "apply" },
        ...cancel,
      },
    },
    /** What it waits for is a timer or a wait of its run, of its own name. */
    suspended: {
      on: {
        ...complete,
        "cmd.fail": failAnyway,
        "step.failed": { target: "failed", guard: "ofThisAttempt", actions: "apply" },
        ...skip,
        ...cancel,
      },
    },
    requested,
    delegated,
    stopping,
    completed: { type: "final" },
    failed: { type: "final" },
    skipped: { type: "final" },
    cancelled: { type: "final" },
  },
});

/** Every state of `stepMachine`, for tables and for tests of completeness. */
export const stepStates = [
  "waiting",
  "pending",
  "running",
  "retrying",
  "held",
  "mapping",
  "suspended",
  "requested",
  "delegated",
  "stopping",
  "completed",
  "failed",
  "skipped",
  "cancelled",
] as const;

/** The name of a state of `stepMachine`. */
export type StepState = (typeof stepStates)[number];
