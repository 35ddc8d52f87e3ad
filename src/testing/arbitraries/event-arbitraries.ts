/** Arbitraries for everything that can be recorded. */
import fc from "fast-check";
import type { NodeEvent } from "../../../machines/node.ts";
import type { RunEvent } from "../../../machines/run-data.ts";
import type { StepEvent } from "../../../machines/step-data.ts";
import type { Frame } from "../../events/frame.ts";
import type { EventType, MillraceEvent } from "../../events/vocabulary.ts";
import { ID_PATTERN } from "../../kernel/ids.ts";
import { chains, childEventTypes, parents } from "./child-arbitraries.ts";
import { admissions, gateEventTypes } from "./gate-arbitraries.ts";
import { type ByType, event, oneOf, plain } from "./message-arbitraries.ts";
import {
  gathering,
  migrating,
  parking,
  planning,
  scheduling,
  signalling,
  starting,
  waiting,
} from "./message-fields.ts";
import { noteEventTypes } from "./note-arbitraries.ts";
import { scheduleEventTypes } from "./schedule-arbitraries.ts";
import { counts, failures, ids, plans, text, times, values } from "./value-arbitraries.ts";

/** An arbitrary for each event of a run, by its name. */
export const runEventTypes: ByType<RunEvent> = {
  "run.created": event(
    "run.created",
    { workflow: ids, content: text, input: values, plan: fc.option(plans, { freq: 8 }) },
    {
      labels: fc.dictionary(ids, text, { maxKeys: 2 }),
      correlation: text,
      deadline: times,
      forkOf: fc.record(
        { run: ids, seq: counts, reset: fc.array(ids, { maxLength: 2 }) },
        { requiredKeys: ["run", "seq"] },
      ),
      parent: parents,
      tick: fc.record(
        { schedule: ids, at: times, order: ids },
        { requiredKeys: ["schedule", "at"] },
      ),
      chain: chains,
      notBefore: times,
      admission: admissions,
      gather: fc.record({
        by: fc.constantFrom("debounce" as const, "batch" as const),
        key: text,
        start: ids,
      }),
    },
  ),
  "run.planned": event("run.planned", ...planning),
  "run.migrated": event("run.migrated", migrating),
  "run.continued": event("run.continued", { next: ids, input: values }),
  "run.gathered": event("run.gathered", ...gathering),
  "run.admitted": event("run.admitted"),
  "run.claimed": event("run.claimed", { epoch: counts, node: ids, lease: text }),
  "run.parked": event("run.parked", ...parking),
  "run.paused": event("run.paused", { by: ids, reason: text }),
  "run.resumed": event("run.resumed", { by: ids }),
  "run.compensating": event("run.compensating", {}, { error: failures }),
  "run.cancelling": event("run.cancelling", { by: ids, reason: text }, { until: times }),
  "run.completed": event("run.completed", { output: values }),
  "run.failed": event("run.failed", { error: failures }),
  "run.cancelled": event("run.cancelled"),
  "run.terminated": event("run.terminated", { by: ids, reason: text }),
  "timer.set": event("timer.set", { timer: ids, due: times }),
  "timer.fired": event("timer.fired", { timer: ids }),
  "timer.cancelled": event("timer.cancelled", { timer: ids }),
  "signal.received": event("signal.received", ...signalling),
  "signal.refused": event("signal.refused", { signal: ids, reason: text }),
  "wait.opened": event("wait.opened", ...waiting),
  "wait.matched": event("wait.matched", { wait: ids, signal: ids }),
  "wait.expired": event("wait.expired", { wait: ids }),
  "wait.cancelled": event("wait.cancelled", { wait: ids }),
};

/** An arbitrary for each event of a step, by its name. */
export const stepEventTypes: ByType<StepEvent> = {
  ...childEventTypes,
  "step.scheduled": event("step.scheduled", { step: ids }, scheduling),
  "step.mapped": event("step.mapped", { step: ids, count: fc.nat(5) }, { concurrency: fc.nat(3) }),
  "step.suspended": event("step.suspended", { step: ids }),
  "step.started": event("step.started", { step: ids, attempt: counts, node: ids }, starting),
  "step.retrying": event("step.retrying", {
    step: ids,
    attempt: counts,
    error: failures,
    retryAt: times,
  }),
  "step.completed": event("step.completed", { step: ids, attempt: counts, output: values }),
  "step.held": event("step.held", { step: ids, attempt: counts, error: failures }),
  "step.rescheduled": event(
    "step.rescheduled",
    { step: ids, by: ids, reason: text, maxAttempts: counts },
    { input: values },
  ),
  "step.failed": event(
    "step.failed",
    { step: ids, attempt: counts, error: failures },
    { by: ids, reason: text },
  ),
  "step.skipped": event("step.skipped", { step: ids, reason: text }, { by: ids, output: values }),
  "step.cancelled": event("step.cancelled", { step: ids, reason: text }),
};

/** An arbitrary for each type of event, by its name. */
export const eventTypes: ByType<MillraceEvent> = {
  ...runEventTypes,
  ...stepEventTypes,
  ...gateEventTypes,
  ...scheduleEventTypes,
  ...noteEventTypes,
};
/** Any event of a run, however little it fits. */
export const runEvents: fc.Arbitrary<RunEvent> = oneOf(runEventTypes);
/** Any event of a step, however little it fits. */
export const stepEvents: fc.Arbitrary<StepEvent> = oneOf(stepEventTypes);
/** Any event, notes included. */
export const events: fc.Arbitrary<MillraceEvent> = oneOf(eventTypes);
/** The name of every event. */
export const eventNames = Object.keys(eventTypes) as EventType[];

/** An arbitrary for each event of a node, by its name. */
export const nodeEventTypes: ByType<NodeEvent> = {
  "node.seen": event("node.seen"),
  "node.suspected": event("node.suspected"),
  "node.draining": event("node.draining"),
  "node.gone": event("node.gone", { reason: text }),
};
/** Any event of a node, however little it fits. */
export const nodeEvents: fc.Arbitrary<NodeEvent> = oneOf(nodeEventTypes);

/** A frame as the engine might write it; its events need not make sense together. */
export const frames: fc.Arbitrary<Frame> = fc
  .record({
    commit: fc.stringMatching(ID_PATTERN),
    writer: fc.record({ node: ids, epoch: counts }),
    at: times,
    seq: fc.integer({ min: 1, max: 1_000_000 }),
    inbox: counts,
    events: fc.array(events, { minLength: 1, maxLength: 5 }),
  })
  .map(plain);
