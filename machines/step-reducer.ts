/** How events change what a step remembers: the one recipe for XState and for the engine's fold. */
import { delegate } from "./child-data.ts";
import { reducer } from "./reducer.ts";
import type { StepContext, StepEvent } from "./step-data.ts";

/** What was under way is over. */
const halt = (context: StepContext): void => {
  context.startBy = null;
  context.endBy = null;
  context.retryAt = null;
  context.heldAt = null;
};

const end = (context: StepContext, at: number): void => {
  halt(context);
  context.endedAt = at;
};

const begin = (context: StepContext, event: Extract<StepEvent, { type: "step.started" }>): void => {
  context.attempt = event.attempt;
  context.node = event.node;
  context.grant = event.grant ?? null;
  context.startedAt = event.at;
  context.endBy = event.endBy ?? null;
  context.retryAt = null;
};

/** How events change a step's context; one definition for XState and for the engine's fold. */
export const stepReducer = reducer<StepContext, StepEvent>((context, event) => {
  switch (event.type) {
    case "child.requested":
      context.whenFailed = event.whenFailed ?? context.whenFailed;
      delegate(context, event);
      break;
    case "child.started":
    case "child.stopping":
      delegate(context, event);
      break;
    case "step.scheduled":
      context.scheduledAt = event.at;
      context.startBy = event.startBy ?? null;
      context.maxAttempts = event.maxAttempts ?? context.maxAttempts;
      context.whenFailed = event.whenFailed ?? context.whenFailed;
      context.place = event.place ?? null;
      break;
    case "step.mapped":
      context.items = event.count;
      context.startedAt = event.at;
      break;
    case "step.suspended":
      context.startedAt = event.at;
      break;
    case "step.started":
      begin(context, event);
      break;
    case "step.retrying":
      context.error = event.error;
      context.failedAt = event.at;
      context.retryAt = event.retryAt;
      context.endBy = null;
      break;
    case "step.held":
      halt(context);
      context.error = event.error;
      context.heldAt = event.at;
      break;
    case "step.rescheduled":
      halt(context);
      context.maxAttempts = event.maxAttempts;
      context.input = event.input ?? context.input;
      context.by = event.by;
      context.reason = event.reason;
      break;
    case "step.completed":
      context.output = event.output;
      context.error = null;
      // Whatever it was to stop for: it was done before.
      if (context.child !== null) context.reason = null;
      end(context, event.at);
      break;
    case "step.failed":
      context.error = event.error;
      context.by = event.by ?? context.by;
      context.reason = event.reason ?? context.reason;
      end(context, event.at);
      break;
    case "step.skipped":
      context.output = event.output ?? null;
      context.by = event.by ?? null;
      context.reason = event.reason;
      end(context, event.at);
      break;
    case "step.cancelled":
      context.reason = event.reason;
      end(context, event.at);
      break;
  }
});
