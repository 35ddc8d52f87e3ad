/** How events change what a run remembers: the one recipe for XState and for the engine's fold. */
import { reducer } from "./reducer.ts";
import { beginLater, letIn } from "./run-admission.ts";
import type { RunContext, RunEvent, Signal } from "./run-data.ts";

/** What is between a run and the world outside: timers, signals, and waits for them. */
type Conversation = Exclude<RunEvent, { type: `run.${string}` }>;

function converse(context: RunContext, event: Conversation): void {
  switch (event.type) {
    case "timer.set":
      context.timers[event.timer] = { since: event.at, due: event.due };
      break;
    case "timer.fired":
    case "timer.cancelled":
      delete context.timers[event.timer];
      context.fired[event.timer] = event.at;
      break;
    case "signal.received":
      context.taken[event.signal] = context.signals.length;
      context.signals.push({
        id: event.signal,
        name: event.name,
        payload: event.payload,
        at: event.at,
        ...(event.decision === undefined ? {} : { decision: event.decision }),
        takenBy: null,
      });
      break;
    case "signal.refused":
      changeSignal(context, event.signal, { refused: true });
      break;
    case "wait.opened": {
      const { wait, name, at: since, due, approval } = event;
      context.waits[wait] = { name, since, due, ...(approval === undefined ? {} : { approval }) };
      if (approval !== undefined) context.approvals[wait] = { ...approval, since, due };
      break;
    }
    case "wait.matched":
      changeSignal(context, event.signal, { takenBy: event.wait });
      delete context.waits[event.wait];
      context.waited[event.wait] = event.signal;
      break;
    case "wait.expired":
    case "wait.cancelled":
      delete context.waits[event.wait];
      context.waited[event.wait] = null;
      break;
  }
}

function changeSignal(context: RunContext, id: string, change: Partial<Signal>): void {
  const at = context.taken[id] ?? -1;
  const signal = context.signals[at];
  if (signal !== undefined) context.signals[at] = { ...signal, ...change };
}

type OfType<T extends RunEvent["type"]> = Extract<RunEvent, { type: T }>;

function begin(context: RunContext, event: OfType<"run.created">): void {
  context.workflow = event.workflow;
  context.content = event.content;
  context.labels = event.labels ?? {};
  context.input = event.input;
  context.planned = event.plan !== null;
  context.deadline = event.deadline ?? null;
  context.correlation = event.correlation ?? null;
  context.forkOf = event.forkOf ?? null;
  context.parent = event.parent ?? null;
  context.tick = event.tick ?? null;
  context.chain = event.chain ?? null;
  for (const signal of event.chain?.taken ?? []) context.taken[signal] = -1;
  context.createdAt = event.at;
  beginLater(context, event);
}

type End = OfType<`run.${"completed" | "failed" | "cancelled" | "terminated" | "continued"}`>;

function end(context: RunContext, event: End): void {
  context.endedAt = event.at;
  switch (event.type) {
    case "run.completed":
      context.output = event.output;
      break;
    case "run.failed":
      context.error = event.error;
      break;
    case "run.terminated":
      context.paused = null;
      context.cancelledBy = event.by;
      context.cancelReason = event.reason;
      break;
    case "run.continued":
      context.next = { run: event.next, input: event.input };
      break;
  }
}

/** How events change a run's context; one definition for XState and for the engine's fold. */
export const runReducer = reducer<RunContext, RunEvent>((context, event) => {
  context.updatedAt = event.at;
  switch (event.type) {
    case "run.created":
      begin(context, event);
      break;
    case "run.gathered":
    case "run.admitted":
      letIn(context, event);
      break;
    // What it changes is the plan, which the engine folds.
    case "run.migrated":
      break;
    case "run.planned":
      context.planned = true;
      context.admission = event.admission ?? context.admission;
      context.input = event.input ?? context.input;
      context.deadline = event.deadline ?? context.deadline;
      break;
    case "run.claimed":
      context.epoch = event.epoch;
      context.node = event.node;
      context.lease = event.lease;
      context.parkedReason = null;
      context.parkedUntil = null;
      context.parkedError = null;
      context.faults = 0;
      break;
    case "run.parked":
      context.node = null;
      context.lease = null;
      context.parkedReason = event.reason;
      context.parkedUntil = event.until;
      context.parkedError = event.error ?? null;
      context.faults = event.faults ?? 0;
      break;
    case "run.paused":
      context.paused = { by: event.by, at: event.at, reason: event.reason };
      break;
    case "run.resumed":
      context.paused = null;
      break;
    case "run.cancelling":
      // Who cancels a paused run does not want it to wait; nobody could resume it from here on.
      context.paused = null;
      context.cancelledBy = event.by;
      context.cancelReason = event.reason;
      context.cancelUntil = event.until ?? null;
      break;
    case "run.compensating":
      context.paused = null;
      context.error = event.error ?? null;
      break;
    case "run.completed":
    case "run.failed":
    case "run.cancelled":
    case "run.terminated":
    case "run.continued":
      end(context, event);
      break;
    default:
      converse(context, event);
  }
});
