/**
 * The ways through each machine, found by XState itself: concrete events, and a notion of "the same
 * place" that keeps counters from making the space infinite.
 */
import type { AnyMachineSnapshot } from "xstate";
import { getShortestPaths, getSimplePaths } from "xstate/graph";
import type { NodeEvent } from "../../machines/node.ts";
import type { RunContext, RunEvent } from "../../machines/run-data.ts";
import type { StepContext, StepEvent } from "../../machines/step-data.ts";
import type { Message, Subject } from "./subject.ts";

interface Space {
  readonly events: readonly Message[];
  /** Two snapshots with the same text are the same place. */
  place(snapshot: AnyMachineSnapshot): string;
  /** No path goes on from here. */
  far(snapshot: AnyMachineSnapshot): boolean;
}

const at = 1;
const json = { json: null };
const error = { code: "E", message: "m" };
const step = "s";

const runEvents: readonly RunEvent[] = [
  {
    type: "run.created",
    at,
    workflow: "w",
    content: "c",
    input: json,
    plan: { kind: "code", version: "v", retryBudget: 0 },
  },
  { type: "run.claimed", at, epoch: 1, node: "n", lease: "l" },
  { type: "run.claimed", at, epoch: 2, node: "m", lease: "l" },
  { type: "run.parked", at, reason: "r", until: null },
  { type: "run.cancelling", at, by: "b", reason: "r" },
  { type: "run.completed", at, output: json },
  { type: "run.failed", at, error },
  { type: "run.cancelled", at },
  { type: "timer.set", at, timer: "t", due: 5 },
  { type: "timer.fired", at, timer: "t" },
  { type: "signal.received", at, signal: "s", name: "n", payload: json },
];

const stepEvents: readonly StepEvent[] = [
  { type: "step.scheduled", at, step },
  { type: "step.mapped", at, step, count: 2 },
  { type: "step.started", at, step, attempt: 1, node: "n" },
  { type: "step.started", at, step, attempt: 2, node: "n" },
  { type: "step.retrying", at, step, attempt: 1, error, retryAt: 2 },
  { type: "step.retrying", at, step, attempt: 2, error, retryAt: 2 },
  ...[0, 1, 2].flatMap((attempt): StepEvent[] => [
    { type: "step.completed", at, step, attempt, output: json },
    { type: "step.failed", at, step, attempt, error },
  ]),
  { type: "step.skipped", at, step, reason: "r" },
  { type: "step.cancelled", at, step, reason: "r" },
];

const nodeEvents: readonly NodeEvent[] = [
  { type: "node.seen", at },
  { type: "node.suspected", at },
  { type: "node.draining", at },
  { type: "node.gone", at, reason: "r" },
];

const spaces: Readonly<Record<string, Space>> = {
  run: {
    events: runEvents,
    place: ({ value, context }) => {
      const { epoch, timers, fired, signals } = context as RunContext;
      return JSON.stringify([value, epoch, timers, Object.keys(fired), signals.length]);
    },
    far: ({ context }) => (context as RunContext).epoch > 2,
  },
  step: {
    events: stepEvents,
    place: ({ value, context }) => `${String(value)}#${(context as StepContext).attempt}`,
    far: ({ context }) => (context as StepContext).attempt > 2,
  },
  node: {
    events: nodeEvents,
    place: ({ value }) => String(value),
    far: () => false,
  },
};

/** The events that lead there. */
export type Path = readonly Message[];

type Finder = typeof getSimplePaths | typeof getShortestPaths;

function find(finder: Finder, { name, machine, input }: Subject): readonly Path[] {
  const space = spaces[name];
  if (space === undefined) throw new Error(`no event space for machine ${name}`);
  const options = {
    input,
    events: space.events,
    serializeState: space.place,
    stopWhen: space.far,
    limit: 100_000,
  };
  // The options' types are those of one machine, and `input` is missing from them.
  const paths = finder(machine, options as never);
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
export const sampleEvents = ({ name }: Subject): readonly Message[] => spaces[name]?.events ?? [];
