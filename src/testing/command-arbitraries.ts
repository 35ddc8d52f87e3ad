/** Arbitraries for everything that can be asked of a run, of a step and of a node. */
import fc from "fast-check";
import type { NodeCommand } from "../../machines/node.ts";
import type { RunCommand } from "../../machines/run-data.ts";
import type { StepCommand } from "../../machines/step-data.ts";
import { childCommandTypes } from "./child-arbitraries.ts";
import { admissions } from "./gate-arbitraries.ts";
import {
  approvals,
  type ByType,
  counts,
  decisions,
  failures,
  ids,
  oneOf,
  placements,
  plans,
  text,
  times,
  type,
  values,
} from "./value-arbitraries.ts";

/** An arbitrary for each command to a run, by its name. */
export const runCommandTypes: ByType<RunCommand> = {
  "cmd.claim": fc.record({ type: type("cmd.claim"), now: times, node: ids, lease: text }),
  "cmd.park": fc.record(
    {
      type: type("cmd.park"),
      now: times,
      reason: text,
      until: fc.option(times),
      error: failures,
      faults: counts,
    },
    { requiredKeys: ["type", "now", "reason", "until"] },
  ),
  "cmd.gather": fc.record(
    {
      type: type("cmd.gather"),
      now: times,
      start: ids,
      input: values,
      notBefore: times,
      deadline: times,
    },
    { requiredKeys: ["type", "now", "start", "input", "notBefore"] },
  ),
  "cmd.admit": fc.record({ type: type("cmd.admit"), now: times }),
  "cmd.complete": fc.record({ type: type("cmd.complete"), now: times, output: values }),
  "cmd.fail": fc.record({ type: type("cmd.fail"), now: times, error: failures }),
  "cmd.cancel": fc.record(
    { type: type("cmd.cancel"), now: times, by: ids, reason: text, until: times },
    { requiredKeys: ["type", "now", "by", "reason"] },
  ),
  "cmd.terminate": fc.record({ type: type("cmd.terminate"), now: times, by: ids, reason: text }),
  "cmd.pause": fc.record({ type: type("cmd.pause"), now: times, by: ids, reason: text }),
  "cmd.resume": fc.record({ type: type("cmd.resume"), now: times, by: ids }),
  "cmd.compensate": fc.record(
    { type: type("cmd.compensate"), now: times, error: failures },
    { requiredKeys: ["type", "now"] },
  ),
  "cmd.open_wait": fc.record(
    {
      type: type("cmd.open_wait"),
      now: times,
      wait: ids,
      name: ids,
      due: fc.option(times),
      approval: approvals,
    },
    { requiredKeys: ["type", "now", "wait", "name", "due"] },
  ),
  "cmd.match_wait": fc.record({ type: type("cmd.match_wait"), now: times, wait: ids, signal: ids }),
  "cmd.expire_wait": fc.record({ type: type("cmd.expire_wait"), now: times, wait: ids }),
  "cmd.cancel_wait": fc.record({ type: type("cmd.cancel_wait"), now: times, wait: ids }),
  "cmd.plan": fc.record(
    {
      type: type("cmd.plan"),
      now: times,
      plan: plans,
      input: values,
      deadline: times,
      admission: admissions,
    },
    { requiredKeys: ["type", "now", "plan"] },
  ),
  "cmd.continue": fc.record({ type: type("cmd.continue"), now: times, next: ids, input: values }),
  "cmd.close": fc.record({ type: type("cmd.close"), now: times }),
  "cmd.set_timer": fc.record({ type: type("cmd.set_timer"), now: times, timer: ids, due: times }),
  "cmd.fire_timer": fc.record({ type: type("cmd.fire_timer"), now: times, timer: ids }),
  "cmd.cancel_timer": fc.record({ type: type("cmd.cancel_timer"), now: times, timer: ids }),
  "cmd.signal": fc.record(
    {
      type: type("cmd.signal"),
      now: times,
      signal: ids,
      name: ids,
      payload: values,
      decision: decisions,
    },
    { requiredKeys: ["type", "now", "signal", "name", "payload"] },
  ),
  "cmd.refuse_signal": fc.record({
    type: type("cmd.refuse_signal"),
    now: times,
    signal: ids,
    reason: text,
  }),
};

/** An arbitrary for each command to a step, by its name. */
export const stepCommandTypes: ByType<StepCommand> = {
  ...childCommandTypes,
  "cmd.schedule": fc.record(
    {
      type: type("cmd.schedule"),
      now: times,
      maxAttempts: counts,
      startBy: times,
      undo: fc.constant(true as const),
      irreversible: fc.constant(true as const),
      whenFailed: fc.constant("hold" as const),
      whenUndoFailed: fc.constant("hold" as const),
      input: values,
    },
    { requiredKeys: ["type", "now"] },
  ),
  "cmd.map": fc.record(
    { type: type("cmd.map"), now: times, count: fc.nat(5), concurrency: fc.nat(3) },
    { requiredKeys: ["type", "now", "count"] },
  ),
  "cmd.suspend": fc.record({ type: type("cmd.suspend"), now: times }),
  "cmd.start": fc.record(
    {
      type: type("cmd.start"),
      now: times,
      node: ids,
      endBy: times,
      input: values,
      grant: ids,
      placement: placements,
    },
    { requiredKeys: ["type", "now", "node"] },
  ),
  "cmd.complete": fc.record({
    type: type("cmd.complete"),
    now: times,
    attempt: counts,
    output: values,
  }),
  "cmd.fail": fc.record({
    type: type("cmd.fail"),
    now: times,
    attempt: counts,
    error: failures,
    retry: fc.boolean(),
    retryAt: times,
  }),
  "cmd.skip": fc.record(
    { type: type("cmd.skip"), now: times, reason: text, by: ids, output: values },
    { requiredKeys: ["type", "now", "reason"] },
  ),
  "cmd.retry": fc.record(
    {
      type: type("cmd.retry"),
      now: times,
      by: ids,
      reason: text,
      attempts: fc.integer({ min: 1, max: 3 }),
      input: values,
    },
    { requiredKeys: ["type", "now", "by", "reason", "attempts"] },
  ),
  "cmd.give_up": fc.record({ type: type("cmd.give_up"), now: times, by: ids, reason: text }),
  "cmd.cancel": fc.record({ type: type("cmd.cancel"), now: times, reason: text }),
};

/** An arbitrary for each command to a node, by its name. */
export const nodeCommandTypes: ByType<NodeCommand> = {
  "cmd.beat": fc.record({ type: type("cmd.beat"), now: times, draining: fc.boolean() }),
  "cmd.tick": fc.record({
    type: type("cmd.tick"),
    now: times,
    suspectMs: fc.nat(20),
    goneMs: fc.nat(40),
  }),
  "cmd.gone": fc.record({ type: type("cmd.gone"), now: times, reason: text }),
};

/** Any command to a run, however little it fits. */
export const runCommands: fc.Arbitrary<RunCommand> = oneOf(runCommandTypes);
/** Any command to a step, however little it fits. */
export const stepCommands: fc.Arbitrary<StepCommand> = oneOf(stepCommandTypes);
/** Any command to a node, however little it fits. */
export const nodeCommands: fc.Arbitrary<NodeCommand> = oneOf(nodeCommandTypes);
