/** Arbitraries for everything that can be recorded. */
import fc from "fast-check";
import type { NodeEvent } from "../../machines/node.ts";
import type { RunEvent } from "../../machines/run-data.ts";
import type { StepEvent } from "../../machines/step-data.ts";
import type { Frame } from "../events/frame.ts";
import type { EventType, MillraceEvent } from "../events/vocabulary.ts";
import { ID_PATTERN } from "../kernel/ids.ts";
import { chains, childEventTypes, parents } from "./child-arbitraries.ts";
import { admissions, gateEventTypes } from "./gate-arbitraries.ts";
import { noteEventTypes } from "./note-arbitraries.ts";
import { scheduleEventTypes } from "./schedule-arbitraries.ts";
import {
  approvals,
  type ByType,
  counts,
  decisions,
  failures,
  ids,
  oneOf,
  placements,
  plain,
  plans,
  text,
  times,
  type,
  values,
} from "./value-arbitraries.ts";

/** An arbitrary for each event of a run, by its name. */
export const runEventTypes: ByType<RunEvent> = {
  "run.created": fc.record(
    {
      type: type("run.created"),
      at: times,
      workflow: ids,
      content: text,
      input: values,
      plan: fc.option(plans, { freq: 8 }),
      labels: fc.dictionary(ids, text, { maxKeys: 2 }),
      correlation: text,
      deadline: times,
      forkOf: fc.record(
        { run: ids, seq: counts, reset: fc.array(ids, { maxLength: 2 }) },
        { requiredKeys: ["run", "seq"] },
      ),
      parent: parents,
      chain: chains,
      notBefore: times,
      admission: admissions,
      gather: fc.record({
        by: fc.constantFrom("debounce" as const, "batch" as const),
        key: text,
        start: ids,
      }),
    },
    { requiredKeys: ["type", "at", "workflow", "content", "input", "plan"] },
  ),
  "run.planned": fc.record(
    {
      type: type("run.planned"),
      at: times,
      plan: plans,
      input: values,
      deadline: times,
      admission: admissions,
    },
    { requiredKeys: ["type", "at", "plan"] },
  ),
  "run.continued": fc.record({
    type: type("run.continued"),
    at: times,
    next: ids,
    input: values,
  }),
  "run.gathered": fc.record(
    {
      type: type("run.gathered"),
      at: times,
      start: ids,
      input: values,
      notBefore: times,
      deadline: times,
    },
    { requiredKeys: ["type", "at", "start", "input", "notBefore"] },
  ),
  "run.admitted": fc.record({ type: type("run.admitted"), at: times }),
  "run.claimed": fc.record({
    type: type("run.claimed"),
    at: times,
    epoch: counts,
    node: ids,
    lease: text,
  }),
  "run.parked": fc.record(
    {
      type: type("run.parked"),
      at: times,
      reason: text,
      until: fc.option(times),
      error: failures,
      faults: counts,
    },
    { requiredKeys: ["type", "at", "reason", "until"] },
  ),
  "run.paused": fc.record({ type: type("run.paused"), at: times, by: ids, reason: text }),
  "run.resumed": fc.record({ type: type("run.resumed"), at: times, by: ids }),
  "run.compensating": fc.record(
    { type: type("run.compensating"), at: times, error: failures },
    { requiredKeys: ["type", "at"] },
  ),
  "run.cancelling": fc.record(
    { type: type("run.cancelling"), at: times, by: ids, reason: text, until: times },
    { requiredKeys: ["type", "at", "by", "reason"] },
  ),
  "run.completed": fc.record({ type: type("run.completed"), at: times, output: values }),
  "run.failed": fc.record({ type: type("run.failed"), at: times, error: failures }),
  "run.cancelled": fc.record({ type: type("run.cancelled"), at: times }),
  "run.terminated": fc.record({ type: type("run.terminated"), at: times, by: ids, reason: text }),
  "timer.set": fc.record({ type: type("timer.set"), at: times, timer: ids, due: times }),
  "timer.fired": fc.record({ type: type("timer.fired"), at: times, timer: ids }),
  "timer.cancelled": fc.record({ type: type("timer.cancelled"), at: times, timer: ids }),
  "signal.received": fc.record(
    {
      type: type("signal.received"),
      at: times,
      signal: ids,
      name: ids,
      payload: values,
      decision: decisions,
    },
    { requiredKeys: ["type", "at", "signal", "name", "payload"] },
  ),
  "signal.refused": fc.record({
    type: type("signal.refused"),
    at: times,
    signal: ids,
    reason: text,
  }),
  "wait.opened": fc.record(
    {
      type: type("wait.opened"),
      at: times,
      wait: ids,
      name: ids,
      due: fc.option(times),
      approval: approvals,
    },
    { requiredKeys: ["type", "at", "wait", "name", "due"] },
  ),
  "wait.matched": fc.record({ type: type("wait.matched"), at: times, wait: ids, signal: ids }),
  "wait.expired": fc.record({ type: type("wait.expired"), at: times, wait: ids }),
  "wait.cancelled": fc.record({ type: type("wait.cancelled"), at: times, wait: ids }),
};

/** An arbitrary for each event of a step, by its name. */
export const stepEventTypes: ByType<StepEvent> = {
  ...childEventTypes,
  "step.scheduled": fc.record(
    {
      type: type("step.scheduled"),
      at: times,
      step: ids,
      maxAttempts: counts,
      startBy: times,
      undo: fc.constant(true as const),
      irreversible: fc.constant(true as const),
      whenFailed: fc.constant("hold" as const),
      whenUndoFailed: fc.constant("hold" as const),
      input: values,
    },
    { requiredKeys: ["type", "at", "step"] },
  ),
  "step.mapped": fc.record(
    { type: type("step.mapped"), at: times, step: ids, count: fc.nat(5), concurrency: fc.nat(3) },
    { requiredKeys: ["type", "at", "step", "count"] },
  ),
  "step.suspended": fc.record({ type: type("step.suspended"), at: times, step: ids }),
  "step.started": fc.record(
    {
      type: type("step.started"),
      at: times,
      step: ids,
      attempt: counts,
      node: ids,
      endBy: times,
      input: values,
      grant: ids,
      placement: placements,
    },
    { requiredKeys: ["type", "at", "step", "attempt", "node"] },
  ),
  "step.retrying": fc.record({
    type: type("step.retrying"),
    at: times,
    step: ids,
    attempt: counts,
    error: failures,
    retryAt: times,
  }),
  "step.completed": fc.record({
    type: type("step.completed"),
    at: times,
    step: ids,
    attempt: counts,
    output: values,
  }),
  "step.held": fc.record({
    type: type("step.held"),
    at: times,
    step: ids,
    attempt: counts,
    error: failures,
  }),
  "step.rescheduled": fc.record(
    {
      type: type("step.rescheduled"),
      at: times,
      step: ids,
      by: ids,
      reason: text,
      maxAttempts: counts,
      input: values,
    },
    { requiredKeys: ["type", "at", "step", "by", "reason", "maxAttempts"] },
  ),
  "step.failed": fc.record(
    {
      type: type("step.failed"),
      at: times,
      step: ids,
      attempt: counts,
      error: failures,
      by: ids,
      reason: text,
    },
    { requiredKeys: ["type", "at", "step", "attempt", "error"] },
  ),
  "step.skipped": fc.record(
    {
      type: type("step.skipped"),
      at: times,
      step: ids,
      reason: text,
      by: ids,
      output: values,
    },
    { requiredKeys: ["type", "at", "step", "reason"] },
  ),
  "step.cancelled": fc.record({ type: type("step.cancelled"), at: times, step: ids, reason: text }),
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
  "node.seen": fc.record({ type: type("node.seen"), at: times }),
  "node.suspected": fc.record({ type: type("node.suspected"), at: times }),
  "node.draining": fc.record({ type: type("node.draining"), at: times }),
  "node.gone": fc.record({ type: type("node.gone"), at: times, reason: text }),
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
