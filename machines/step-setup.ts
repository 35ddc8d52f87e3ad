/** What the parts of the step's statechart share: its types, and the guards beyond the state it is in. */
import { assign, setup } from "xstate";
import type { StepCommand, StepContext, StepEvent, StepInput } from "./step-data.ts";
import { stepReducer } from "./step-reducer.ts";

/** XState's typed builder for everything of the step. */
export const step = setup({
  types: {
    context: {} as StepContext,
    input: {} as StepInput,
    events: {} as StepEvent | StepCommand,
    emitted: {} as StepEvent,
  },
  guards: {
    /** The command or event speaks of the attempt that runs now; anything else comes too late. */
    ofThisAttempt: ({ context, event }) => "attempt" in event && event.attempt === context.attempt,
    mayRetry: ({ context, event }) =>
      event.type === "cmd.fail" &&
      event.attempt === context.attempt &&
      event.retry &&
      context.attempt < context.maxAttempts,
    /** It fails for good, and is to be looked at before anything follows from that. */
    isToBeHeld: ({ context, event }) =>
      "attempt" in event && event.attempt === context.attempt && context.whenFailed === "hold",
    attemptLeft: ({ context }) => context.attempt < context.maxAttempts,
    nextAttempt: ({ context, event }) =>
      "attempt" in event && event.attempt === context.attempt + 1,
    due: ({ context, event }) =>
      event.type === "cmd.start" && context.retryAt !== null && event.now >= context.retryAt,
    /** The child run is not left to itself when its parent lets go of it. */
    isKept: ({ context }) => context.child?.onParentClose !== "abandon",
    /** The child run was to stop because something went wrong. */
    wentWrong: ({ context }) => context.error !== null,
    wentWrongToBeHeld: ({ context }) => context.error !== null && context.whenFailed === "hold",
  },
  actions: { apply: assign(stepReducer) },
});
