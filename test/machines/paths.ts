/**
 * The ways through each machine, found by XState itself: concrete events, and a notion of "the same
 * place" that keeps counters from making the space infinite.
 */
import type { AnyMachineSnapshot } from "xstate";
import { getShortestPaths, getSimplePaths } from "xstate/graph";
import type { GateContext, GateEvent } from "../../machines/gate-data.ts";
import type { NodeEvent } from "../../machines/node.ts";
import type { RunContext, RunEvent } from "../../machines/run-data.ts";
import type { ScheduleContext, ScheduleEvent, ScheduleSpec } from "../../machines/schedule-data.ts";
import type { StepContext, StepEvent } from "../../machines/step-data.ts";
import type { Message, Subject } from "./subject.ts";

interface Space {
  /**
   * Sets of events whose paths are looked for together. All events of the run at once would have more
   * simple paths than anybody can walk; what does not concern each other is kept apart.
   */
  readonly facets: readonly (readonly Message[])[];
  /** Two snapshots with the same text are the same place. */
  place(snapshot: AnyMachineSnapshot): string;
  /** No path goes on from here. */
  far(snapshot: AnyMachineSnapshot): boolean;
}

const at = 1;
const json = { json: null };
const error = { code: "E", message: "m" };
const step = "s";

const created = {
  type: "run.created",
  at,
  workflow: "w",
  content: "c",
  input: json,
  plan: { kind: "code", version: "v", retryBudget: 0 },
} as const;
const claimed: RunEvent = { type: "run.claimed", at, epoch: 1, node: "n", lease: "l" };
const parked: RunEvent = { type: "run.parked", at, reason: "r", until: null };
const cancelling: RunEvent = { type: "run.cancelling", at, by: "b", reason: "r" };
const signalled: RunEvent = { type: "signal.received", at, signal: "s", name: "n", payload: json };
const decided: RunEvent = {
  type: "signal.received",
  at,
  signal: "d",
  name: "n",
  payload: json,
  decision: { approved: true, by: "b" },
};
const asked = { prompt: "p", approvers: ["b"], onTimeout: "reject" } as const;

const runFacets: readonly (readonly RunEvent[])[] = [
  [
    ...[created, claimed, parked, cancelling],
    { type: "run.claimed", at, epoch: 2, node: "m", lease: "l" },
    { type: "run.compensating", at, error },
    { type: "run.completed", at, output: json },
  ],
  [
    {
      ...created,
      notBefore: 5,
      admission: { gate: "g", limits: [], priority: 0, fair: "" },
      gather: { by: "batch", key: "k", start: "first" },
    },
    ...[claimed, parked, cancelling],
    { type: "run.gathered", at, start: "second", input: json, notBefore: 6 },
    { type: "run.admitted", at: 6 },
    { type: "run.failed", at, error },
    { type: "run.cancelled", at },
  ],
  [
    ...[created, claimed, parked],
    { type: "run.cancelling", at, by: "b", reason: "r", until: 9 },
    { type: "run.cancelling", at, by: "b", reason: "r", until: 5 },
    { type: "run.compensating", at },
    { type: "run.terminated", at, by: "b", reason: "r" },
  ],
  [
    ...[created, claimed, parked, cancelling, signalled],
    { type: "timer.set", at, timer: "t", due: 5 },
    { type: "timer.fired", at, timer: "t" },
    { type: "timer.cancelled", at, timer: "t" },
  ],
  [
    ...[created, claimed, signalled],
    { type: "wait.opened", at, wait: "w", name: "n", due: null },
    { type: "wait.matched", at, wait: "w", signal: "s" },
    { type: "wait.expired", at, wait: "w" },
    { type: "wait.cancelled", at, wait: "w" },
  ],
  [
    ...[created, claimed, decided],
    { type: "signal.refused", at, signal: "d", reason: "r" },
    { type: "wait.opened", at, wait: "n", name: "n", due: null, approval: asked },
    { type: "wait.matched", at, wait: "n", signal: "d" },
  ],
  [
    ...[created, claimed, parked, cancelling],
    { type: "run.paused", at, by: "b", reason: "r" },
    { type: "run.resumed", at, by: "b" },
  ],
  [
    ...[{ ...created, plan: null }, claimed, parked, cancelling],
    { type: "run.planned", at, plan: created.plan, input: json },
    { type: "run.migrated", at, plan: created.plan, by: "b", reason: "r" },
    { type: "run.continued", at, next: "r2", input: json },
    { type: "run.completed", at, output: json },
  ],
];

const stepEvents: readonly StepEvent[] = [
  { type: "step.scheduled", at, step },
  { type: "step.mapped", at, step, count: 2 },
  { type: "step.suspended", at, step },
  { type: "step.started", at, step, attempt: 1, node: "n" },
  { type: "step.started", at, step, attempt: 2, node: "n" },
  { type: "step.retrying", at, step, attempt: 1, error, retryAt: 2 },
  { type: "step.retrying", at, step, attempt: 2, error, retryAt: 2 },
  ...[0, 1, 2].flatMap((attempt): StepEvent[] => [
    { type: "step.completed", at, step, attempt, output: json },
    { type: "step.failed", at, step, attempt, error },
  ]),
  { type: "step.rescheduled", at, step, by: "b", reason: "r", maxAttempts: 3 },
  { type: "step.skipped", at, step, reason: "r" },
  { type: "step.cancelled", at, step, reason: "r" },
];

const heldEvents: readonly StepEvent[] = [
  { type: "step.scheduled", at, step, whenFailed: "hold" },
  { type: "step.started", at, step, attempt: 1, node: "n" },
  ...[0, 1].flatMap((attempt): StepEvent[] => [
    { type: "step.held", at, step, attempt, error },
    { type: "step.failed", at, step, attempt, error },
  ]),
  { type: "step.rescheduled", at, step, by: "b", reason: "r", maxAttempts: 3 },
  { type: "step.skipped", at, step, reason: "r", by: "b", output: json },
  { type: "step.cancelled", at, step, reason: "r" },
];

const other = { childRun: "c", childWorkflow: "w", input: json };
const requested = { type: "child.requested", at, step, attempt: 1, ...other } as const;
const childEvents: readonly StepEvent[] = [
  { type: "step.scheduled", at, step },
  { ...requested, onParentClose: "cancel" },
  { ...requested, onParentClose: "abandon" },
  { ...requested, onParentClose: "cancel", whenFailed: "hold" },
  { type: "step.held", at, step, attempt: 1, error },
  { type: "child.started", at, step, attempt: 1 },
  { type: "child.stopping", at, step, attempt: 1, reason: "r" },
  { type: "child.stopping", at, step, attempt: 1, reason: "r", error },
  { type: "step.completed", at, step, attempt: 1, output: json },
  { type: "step.failed", at, step, attempt: 1, error },
  { type: "step.cancelled", at, step, reason: "r" },
];

const nodeEvents: readonly NodeEvent[] = [
  { type: "node.seen", at },
  { type: "node.suspected", at },
  { type: "node.draining", at },
  { type: "node.gone", at, reason: "r" },
];

const ask = { of: "w", createdAt: 0, priority: 0, fair: "f" };
const one = { name: "l", key: "", limit: 1 };
const span = { name: "s", key: "", limit: 1, perMs: 10 };

const opened: GateEvent = { type: "ledger.opened", at, name: "g", generation: 1 };
const asksA: GateEvent = { type: "gate.asked", at, holder: "a", ...ask, limits: [one] };
const entersA: GateEvent = { type: "gate.admitted", at, holder: "a" };

const gateFacets: readonly (readonly GateEvent[])[] = [
  [
    ...[opened, asksA, entersA],
    { type: "gate.asked", at, holder: "b", ...ask, limits: [one, span] },
    { type: "gate.admitted", at, holder: "b" },
    { type: "gate.released", at, holder: "a" },
  ],
  [
    ...[opened, asksA, entersA],
    { type: "gate.released", at, holder: "a" },
    { type: "gate.gathered", at, key: "k", into: "a" },
    { type: "ledger.closed", at },
  ],
];

const spec: ScheduleSpec = {
  workflow: "w",
  input: json,
  everyMs: 5,
  overlap: "skip",
  catchUp: { withinMs: 10, limit: 1 },
  jitterMs: 0,
  labels: {},
};

const begun: ScheduleEvent = { type: "ledger.opened", at, name: "s", generation: 1 };
const declared: ScheduleEvent = { type: "schedule.declared", at, by: "b", spec };
const paused: ScheduleEvent = { type: "schedule.paused", at, by: "b", reason: "r" };

const scheduleFacets: readonly (readonly ScheduleEvent[])[] = [
  [
    ...[begun, declared, paused],
    { type: "ledger.opened", at, name: "s", generation: 2, state: { spec } },
    { type: "ledger.opened", at, name: "s", generation: 3, state: { spec, paused: {} } },
    { type: "schedule.resumed", at, by: "b" },
    { type: "schedule.deleted", at, by: "b" },
    { type: "ledger.closed", at },
  ],
  [
    ...[begun, declared, paused],
    { type: "schedule.ticked", at, tick: 5, started: "s-5", overlap: "skip" },
    { type: "schedule.skipped", at, tick: 10, count: 1, reason: "r" },
  ],
  [
    ...[begun, declared],
    { type: "schedule.triggered", at, order: "t", by: "b" },
    { type: "schedule.ticked", at, tick: 5, started: "s-t", overlap: "skip", order: "t" },
  ],
  [
    ...[begun, declared],
    { type: "schedule.backfilled", at, order: "f", by: "b", from: 0, to: 5, overlap: "skip" },
    { type: "schedule.skipped", at, tick: 5, count: 1, reason: "r", order: "f" },
    { type: "schedule.served", at, order: "f" },
  ],
];

const spaces: Readonly<Record<string, Space>> = {
  run: {
    facets: runFacets,
    place: ({ value, context }) => {
      const { epoch, timers, fired, signals, waits, waited, paused, planned } =
        context as RunContext;
      const refused = signals.filter((signal) => signal.refused).length;
      const { gathered, admittedAt } = context as RunContext;
      const open = [Object.keys(waits).length, Object.keys(waited).length];
      const counts = [signals.length, refused, ...open, paused !== null, planned];
      const begun = [Object.keys(gathered).length, admittedAt];
      return JSON.stringify([value, epoch, timers, Object.keys(fired), counts, begun]);
    },
    far: ({ context }) => (context as RunContext).epoch > 2,
  },
  step: {
    facets: [stepEvents, heldEvents, childEvents],
    place: ({ value, context }) => {
      const { attempt, child, error } = context as StepContext;
      return JSON.stringify([value, attempt, child?.onParentClose, error]);
    },
    far: ({ context }) => (context as StepContext).attempt > 2,
  },
  node: {
    facets: [nodeEvents],
    place: ({ value }) => String(value),
    far: () => false,
  },
  gate: {
    facets: gateFacets,
    place: ({ value, context }) => {
      const { holders, waiting, used, times, gathering } = context as GateContext;
      const known = [holders, waiting, used, times, gathering].map((some) => Object.keys(some));
      return JSON.stringify([value, known]);
    },
    far: ({ context }) => (context as GateContext).asks > 3,
  },
  schedule: {
    facets: scheduleFacets,
    place: ({ value, context }) => {
      const { spec, paused, since, orders } = context as ScheduleContext;
      return JSON.stringify([value, spec !== null, paused !== null, since, orders]);
    },
    far: () => false,
  },
};

/** The events that lead there. */
export type Path = readonly Message[];

type Finder = typeof getSimplePaths | typeof getShortestPaths;

function find(finder: Finder, { name, machine, input }: Subject): readonly Path[] {
  const space = spaces[name];
  if (space === undefined) throw new Error(`no event space for machine ${name}`);
  // The options' types are those of one machine, and `input` is missing from them.
  const paths = space.facets.flatMap((events) =>
    finder(machine, {
      input,
      events,
      serializeState: space.place,
      stopWhen: space.far,
      limit: 100_000,
    } as never),
  );
  // XState's own first event is not the machine's.
  return paths.map(({ steps }) =>
    steps.map(({ event }) => event as Message).filter(({ type }) => !type.startsWith("xstate.")),
  );
}

/** Every path without a place twice. */
export const simplePaths = (subject: Subject): readonly Path[] => find(getSimplePaths, subject);

/** One shortest path to every place. */
export const shortestPaths = (subject: Subject): readonly Path[] => find(getShortestPaths, subject);

/** Events that move the machine somewhere: the whole vocabulary of the machine, with sample fields. */
export const sampleEvents = ({ name }: Subject): readonly Message[] =>
  spaces[name]?.facets.flat() ?? [];
