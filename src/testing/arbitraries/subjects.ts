/** The machines as the kit drives them: each with its table, and with arbitraries for what it is told. */
import type { AnyStateMachine } from "xstate";
import { gateMachine } from "../../../machines/gate.ts";
import {
  type GateCommand,
  type GateContext,
  type GateEvent,
  gateContext,
} from "../../../machines/gate-data.ts";
import {
  type NodeCommand,
  type NodeContext,
  type NodeEvent,
  nodeContext,
  nodeMachine,
} from "../../../machines/node.ts";
import { runMachine } from "../../../machines/run.ts";
import {
  type RunCommand,
  type RunContext,
  type RunEvent,
  runContext,
} from "../../../machines/run-data.ts";
import { scheduleMachine } from "../../../machines/schedule.ts";
import {
  type ScheduleCommand,
  type ScheduleContext,
  type ScheduleEvent,
  scheduleContext,
} from "../../../machines/schedule-data.ts";
import { stepMachine } from "../../../machines/step.ts";
import {
  type StepCommand,
  type StepContext,
  type StepEvent,
  stepContext,
} from "../../../machines/step-data.ts";
import { gateTable } from "../../domain/gate.ts";
import { scheduleTable } from "../../domain/schedule.ts";
import { runTable, stepTable } from "../../domain/state.ts";
import { compileMachine, type Table } from "../../domain/table.ts";
import { nodeCommandTypes, runCommandTypes, stepCommandTypes } from "./command-arbitraries.ts";
import { nodeEventTypes, runEventTypes, stepEventTypes } from "./event-arbitraries.ts";
import { gateCommandTypes, gateEventTypes } from "./gate-arbitraries.ts";
import type { ByType } from "./message-arbitraries.ts";
import { scheduleCommandTypes, scheduleEventTypes } from "./schedule-arbitraries.ts";

/** Anything that a machine can be told. */
export interface Message {
  readonly type: string;
}

/** One machine, with all that is needed to walk through it. */
export interface Subject<C extends object, Command extends Message, Event extends Message> {
  readonly machine: AnyStateMachine;
  readonly table: Table<C, Command, Event>;
  /** What an actor of it is created with, and the context that this makes, a new one each time. */
  readonly input: object;
  readonly fresh: () => C;
  readonly commands: ByType<Command>;
  readonly events: ByType<Event>;
}

const runInput = { id: "r" };
const stepInput = { id: "s", maxAttempts: 2 };
const nodeInput = { id: "n", at: 0 };

/** A run. */
export const runSubject: Subject<RunContext, RunCommand, RunEvent> = {
  machine: runMachine,
  table: runTable,
  input: runInput,
  fresh: () => runContext(runInput),
  commands: runCommandTypes,
  events: runEventTypes,
};

/** A step that may be tried twice. */
export const stepSubject: Subject<StepContext, StepCommand, StepEvent> = {
  machine: stepMachine,
  table: stepTable,
  input: stepInput,
  fresh: () => stepContext(stepInput),
  commands: stepCommandTypes,
  events: stepEventTypes,
};

/** A node. */
export const nodeSubject: Subject<NodeContext, NodeCommand, NodeEvent> = {
  machine: nodeMachine,
  table: compileMachine<NodeContext, NodeCommand, NodeEvent>(nodeMachine),
  input: nodeInput,
  fresh: () => nodeContext(nodeInput),
  commands: nodeCommandTypes,
  events: nodeEventTypes,
};

const gateInput = { name: "g" };

/** A gate. */
export const gateSubject: Subject<GateContext, GateCommand, GateEvent> = {
  machine: gateMachine,
  table: gateTable,
  input: gateInput,
  fresh: () => gateContext(gateInput),
  commands: gateCommandTypes,
  events: gateEventTypes,
};

const scheduleInput = { name: "s" };

/** A schedule. */
export const scheduleSubject: Subject<ScheduleContext, ScheduleCommand, ScheduleEvent> = {
  machine: scheduleMachine,
  table: scheduleTable,
  input: scheduleInput,
  fresh: () => scheduleContext(scheduleInput),
  commands: scheduleCommandTypes,
  events: scheduleEventTypes,
};

const subjects = {
  run: runSubject,
  step: stepSubject,
  node: nodeSubject,
  gate: gateSubject,
  schedule: scheduleSubject,
} as const;

/** The name of a machine. */
export type MachineName = keyof typeof subjects;

/** What can happen to an actor of a machine. */
export type EventOf<M extends MachineName> = {
  [K in MachineName]: (typeof subjects)[K]["events"] extends ByType<infer Event> ? Event : never;
}[M];

/** A machine whose types do not matter. */
export type AnySubject = Subject<object, Message, Message>;

/** The machine of that name. */
export const subjectOf = (name: MachineName): AnySubject => subjects[name] as unknown as AnySubject;

/** Which machine an event moves; undefined for notes. */
export const machineOf = (event: string): MachineName | undefined =>
  (Object.keys(subjects) as MachineName[]).find((name) =>
    Object.hasOwn(subjects[name].events, event),
  );
