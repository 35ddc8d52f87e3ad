/**
 * Arbitraries for everything that can be recorded or asked. Fields come mostly from small ranges, so
 * that random sequences meet each other (the same timer, the running attempt), and now and then from
 * anywhere.
 */
import fc from "fast-check";
import type { NodeCommand, NodeEvent } from "../../machines/node.ts";
import type { RunCommand, RunEvent } from "../../machines/run-data.ts";
import type { StepCommand, StepEvent } from "../../machines/step-data.ts";
import type { Failure, Value } from "../../machines/values.ts";
import type { Plan, RetryPolicy } from "../../src/domain/plan.ts";
import type { Frame } from "../../src/events/frame.ts";
import type { EventType, MillraceEvent, OutputContent } from "../../src/events/vocabulary.ts";
import { ID_PATTERN } from "../../src/kernel/ids.ts";
import { digest } from "../../src/kernel/json.ts";

/** One arbitrary per type of a union: the compiler says which is missing. */
type ByType<U extends { type: string }> = {
  readonly [T in U["type"]]: fc.Arbitrary<Extract<U, { type: T }>>;
};

/** As it comes back from a log: no inherited names, no -0, nothing undefined. */
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

const oneOf = <U extends { type: string }>(byType: ByType<U>): fc.Arbitrary<U> =>
  fc.oneof(...(Object.values(byType) as fc.Arbitrary<U>[])).map(plain);

const type = <T extends string>(name: T): fc.Arbitrary<T> => fc.constant(name);

/** Names that an object inherits are among them. */
export const ids: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a", "b", "c") },
  { weight: 1, arbitrary: fc.constantFrom("constructor", "toString", "hasOwnProperty", "0") },
  { weight: 1, arbitrary: fc.stringMatching(ID_PATTERN) },
);
/** Milliseconds. */
export const times: fc.Arbitrary<number> = fc.oneof(
  { weight: 6, arbitrary: fc.nat(60) },
  { weight: 1, arbitrary: fc.maxSafeNat() },
);
const counts: fc.Arbitrary<number> = fc.oneof(
  { weight: 6, arbitrary: fc.nat(3) },
  { weight: 1, arbitrary: fc.nat() },
);
const text = fc.string({ unit: "grapheme", maxLength: 12 });

const digests = text.map(digest);

/** A recorded value, of each form. */
export const values: fc.Arbitrary<Value> = fc.oneof(
  fc.record({ json: fc.jsonValue({ maxDepth: 3 }) }),
  fc.record({ blob: digests, bytes: fc.nat() }),
  fc.record({ items: counts, of: ids }),
);

/** A recorded failure, with causes. */
export const failures: fc.Arbitrary<Failure> = fc.letrec<{ failure: Failure }>((tie) => ({
  failure: fc.record(
    {
      code: text,
      message: text,
      stack: text,
      cause: fc.oneof({ maxDepth: 2 }, tie("failure"), tie("failure")),
    },
    { requiredKeys: ["code", "message"] },
  ),
})).failure;

/** Retry policies within the documented options, the odd corners included. */
export const retryPolicies: fc.Arbitrary<RetryPolicy> = fc.record({
  maxAttempts: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 1_000 })),
  initialMs: fc.oneof(fc.constant(0), fc.nat(10_000)),
  factor: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.double({ min: 1, max: 100, noNaN: true })),
  maxMs: fc.nat(600_000),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
});

const plans: fc.Arbitrary<Plan> = fc.record(
  {
    kind: fc.constant("code" as const),
    version: digests,
    retryBudget: fc.nat(10),
    declares: fc.array(ids, { maxLength: 2 }),
  },
  { requiredKeys: ["kind", "version", "retryBudget"] },
);

const contents: fc.Arbitrary<OutputContent> = fc.oneof(
  fc.record(
    { type: type("progress"), stage: text, note: text },
    { requiredKeys: ["type", "stage"] },
  ),
  fc.record({ type: type("partial"), chunk: values }),
  fc.record({ type: type("artifact"), name: ids, content: values }),
  fc.record({ type: type("final"), content: values, ok: fc.boolean() }),
);

const runEventTypes: ByType<RunEvent> = {
  "run.created": fc.record(
    {
      type: type("run.created"),
      at: times,
      workflow: ids,
      content: text,
      input: values,
      plan: plans,
      labels: fc.dictionary(ids, text, { maxKeys: 2 }),
      deadline: times,
    },
    { requiredKeys: ["type", "at", "workflow", "content", "input", "plan"] },
  ),
  "run.claimed": fc.record({
    type: type("run.claimed"),
    at: times,
    epoch: counts,
    node: ids,
    lease: text,
  }),
  "run.parked": fc.record({
    type: type("run.parked"),
    at: times,
    reason: text,
    until: fc.option(times),
  }),
  "run.paused": fc.record({ type: type("run.paused"), at: times, by: ids, reason: text }),
  "run.resumed": fc.record({ type: type("run.resumed"), at: times, by: ids }),
  "run.compensating": fc.record(
    { type: type("run.compensating"), at: times, error: failures },
    { requiredKeys: ["type", "at"] },
  ),
  "run.cancelling": fc.record({ type: type("run.cancelling"), at: times, by: ids, reason: text }),
  "run.completed": fc.record({ type: type("run.completed"), at: times, output: values }),
  "run.failed": fc.record({ type: type("run.failed"), at: times, error: failures }),
  "run.cancelled": fc.record({ type: type("run.cancelled"), at: times }),
  "timer.set": fc.record({ type: type("timer.set"), at: times, timer: ids, due: times }),
  "timer.fired": fc.record({ type: type("timer.fired"), at: times, timer: ids }),
  "signal.received": fc.record({
    type: type("signal.received"),
    at: times,
    signal: ids,
    name: ids,
    payload: values,
  }),
  "wait.opened": fc.record({
    type: type("wait.opened"),
    at: times,
    wait: ids,
    name: ids,
    due: fc.option(times),
  }),
  "wait.matched": fc.record({ type: type("wait.matched"), at: times, wait: ids, signal: ids }),
  "wait.expired": fc.record({ type: type("wait.expired"), at: times, wait: ids }),
};

const stepEventTypes: ByType<StepEvent> = {
  "step.scheduled": fc.record(
    {
      type: type("step.scheduled"),
      at: times,
      step: ids,
      maxAttempts: counts,
      startBy: times,
      undo: fc.constant(true as const),
      input: values,
    },
    { requiredKeys: ["type", "at", "step"] },
  ),
  "step.mapped": fc.record({ type: type("step.mapped"), at: times, step: ids, count: fc.nat(5) }),
  "step.started": fc.record(
    {
      type: type("step.started"),
      at: times,
      step: ids,
      attempt: counts,
      node: ids,
      endBy: times,
      input: values,
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
  "step.failed": fc.record({
    type: type("step.failed"),
    at: times,
    step: ids,
    attempt: counts,
    error: failures,
  }),
  "step.skipped": fc.record({ type: type("step.skipped"), at: times, step: ids, reason: text }),
  "step.cancelled": fc.record({ type: type("step.cancelled"), at: times, step: ids, reason: text }),
};

type NoteEvent = Exclude<MillraceEvent, RunEvent | StepEvent>;

const noteEventTypes: ByType<NoteEvent> = {
  "output.emitted": fc.record({
    type: type("output.emitted"),
    at: times,
    ref: ids,
    task: ids,
    attempt: counts,
    producer: ids,
    content: contents,
    parents: fc.array(ids, { maxLength: 3 }),
  }),
  "checkpoint.saved": fc.record(
    {
      type: type("checkpoint.saved"),
      at: times,
      checkpoint: counts,
      node: ids,
      state: values,
      encoding: fc.constant("bytes" as const),
      metadata: fc.dictionary(ids, text, { maxKeys: 2 }),
    },
    { requiredKeys: ["type", "at", "checkpoint", "node", "state", "metadata"] },
  ),
  "data.located": fc.record({
    type: type("data.located"),
    at: times,
    key: text,
    node: ids,
    digest: text,
    bytes: counts,
  }),
  "anomaly.recorded": fc.record(
    { type: type("anomaly.recorded"), at: times, kind: ids, detail: text, step: ids },
    { requiredKeys: ["type", "at", "kind", "detail"] },
  ),
  "user.noted": fc.record(
    { type: type("user.noted"), at: times, name: ids, payload: values, step: ids },
    { requiredKeys: ["type", "at", "name", "payload"] },
  ),
};

/** An arbitrary for each type of event, by its name. */
export const eventTypes: ByType<MillraceEvent> = {
  ...runEventTypes,
  ...stepEventTypes,
  ...noteEventTypes,
};
export const runEvents: fc.Arbitrary<RunEvent> = oneOf(runEventTypes);
export const stepEvents: fc.Arbitrary<StepEvent> = oneOf(stepEventTypes);
export const events: fc.Arbitrary<MillraceEvent> = oneOf(eventTypes);
export const eventNames = Object.keys(eventTypes) as EventType[];

export const runCommands: fc.Arbitrary<RunCommand> = oneOf<RunCommand>({
  "cmd.claim": fc.record({ type: type("cmd.claim"), now: times, node: ids, lease: text }),
  "cmd.park": fc.record({
    type: type("cmd.park"),
    now: times,
    reason: text,
    until: fc.option(times),
  }),
  "cmd.complete": fc.record({ type: type("cmd.complete"), now: times, output: values }),
  "cmd.fail": fc.record({ type: type("cmd.fail"), now: times, error: failures }),
  "cmd.cancel": fc.record({ type: type("cmd.cancel"), now: times, by: ids, reason: text }),
  "cmd.pause": fc.record({ type: type("cmd.pause"), now: times, by: ids, reason: text }),
  "cmd.resume": fc.record({ type: type("cmd.resume"), now: times, by: ids }),
  "cmd.compensate": fc.record(
    { type: type("cmd.compensate"), now: times, error: failures },
    { requiredKeys: ["type", "now"] },
  ),
  "cmd.open_wait": fc.record({
    type: type("cmd.open_wait"),
    now: times,
    wait: ids,
    name: ids,
    due: fc.option(times),
  }),
  "cmd.match_wait": fc.record({ type: type("cmd.match_wait"), now: times, wait: ids, signal: ids }),
  "cmd.expire_wait": fc.record({ type: type("cmd.expire_wait"), now: times, wait: ids }),
  "cmd.close": fc.record({ type: type("cmd.close"), now: times }),
  "cmd.set_timer": fc.record({ type: type("cmd.set_timer"), now: times, timer: ids, due: times }),
  "cmd.fire_timer": fc.record({ type: type("cmd.fire_timer"), now: times, timer: ids }),
  "cmd.signal": fc.record({
    type: type("cmd.signal"),
    now: times,
    signal: ids,
    name: ids,
    payload: values,
  }),
});

export const stepCommands: fc.Arbitrary<StepCommand> = oneOf<StepCommand>({
  "cmd.schedule": fc.record(
    {
      type: type("cmd.schedule"),
      now: times,
      maxAttempts: counts,
      startBy: times,
      undo: fc.constant(true as const),
      input: values,
    },
    { requiredKeys: ["type", "now"] },
  ),
  "cmd.map": fc.record({ type: type("cmd.map"), now: times, count: fc.nat(5) }),
  "cmd.start": fc.record(
    { type: type("cmd.start"), now: times, node: ids, endBy: times, input: values },
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
  "cmd.skip": fc.record({ type: type("cmd.skip"), now: times, reason: text }),
  "cmd.cancel": fc.record({ type: type("cmd.cancel"), now: times, reason: text }),
});

export const nodeEvents: fc.Arbitrary<NodeEvent> = oneOf<NodeEvent>({
  "node.seen": fc.record({ type: type("node.seen"), at: times }),
  "node.suspected": fc.record({ type: type("node.suspected"), at: times }),
  "node.draining": fc.record({ type: type("node.draining"), at: times }),
  "node.gone": fc.record({ type: type("node.gone"), at: times, reason: text }),
});

export const nodeCommands: fc.Arbitrary<NodeCommand> = oneOf<NodeCommand>({
  "cmd.beat": fc.record({ type: type("cmd.beat"), now: times, draining: fc.boolean() }),
  "cmd.tick": fc.record({ type: type("cmd.tick"), now: times, goneMs: fc.nat(40) }),
  "cmd.gone": fc.record({ type: type("cmd.gone"), now: times, reason: text }),
});

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
