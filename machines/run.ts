/**
 * A run of a workflow: from its creation to its one end.
 *
 *   pending ──> running <──> parked          parked: nothing can move before a time or an input
 *                  │  │          │
 *                  │  └──> cancelling ──┬────────────────> cancelled
 *                  │                    └─> compensating ──┘ └──> failed
 *                  └──> completed | failed | compensating | continued
 *
 *   any of these that has not ended ──> terminated
 *
 * A run that is being undone may be parked too: it stays `compensating`, and nobody holds it.
 * `run.claimed` says who hosts the run from here on; its epoch grows with every claim, and a host that
 * reads a higher epoch than its own lets go. Commands (`cmd.*`) only emit; events move. No clock here.
 */
import { emit } from "xstate";
import { runContext } from "./run-data.ts";
import {
  admission,
  cancel,
  claim,
  close,
  compensate,
  fail,
  gathering,
  goOn,
  hurry,
  live,
  migrate,
  park,
  pause,
  plan,
  waiting,
} from "./run-parts.ts";
import { run } from "./run-setup.ts";

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
        ...gathering,
        ...live,
        ...pause,
        ...cancel,
      },
    },
    running: {
      on: {
        "cmd.claim": { actions: claim },
        "run.claimed": { guard: "nextEpoch", actions: "apply" },
        "cmd.park": { actions: park },
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
        ...admission,
        ...fail,
        ...compensate,
        ...plan,
        ...migrate,
        ...goOn,
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
        ...hurry,
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
        "cmd.park": { guard: "notParked", actions: park },
        "run.parked": { guard: "notParked", actions: "apply" },
        ...fail,
        ...close,
        ...live,
      },
    },
    completed: { type: "final" },
    failed: { type: "final" },
    cancelled: { type: "final" },
    terminated: { type: "final" },
    continued: { type: "final" },
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
  "terminated",
  "continued",
] as const;

/** The name of a state of `runMachine`: the run's status. */
export type RunState = (typeof runStates)[number];
