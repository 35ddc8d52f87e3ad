/** The machines under test, each with what XState makes of it and with what the compiled table does. */
import type fc from "fast-check";
import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  initialTransition,
  transition,
} from "xstate";
import { nodeContext, nodeMachine, nodeStates } from "../../machines/node.ts";
import { runMachine, runStates } from "../../machines/run.ts";
import { runContext } from "../../machines/run-data.ts";
import { stepMachine, stepStates } from "../../machines/step.ts";
import { stepContext } from "../../machines/step-data.ts";
import { runTable, stepTable } from "../../src/domain/state.ts";
import { compileMachine, type Table } from "../../src/domain/table.ts";
import * as arbitrary from "../support/arbitraries.ts";

export interface Message {
  readonly type: string;
}

export interface Subject {
  readonly name: string;
  readonly machine: AnyStateMachine;
  readonly table: Table<object, Message, Message>;
  readonly input: object;
  /** The context that `input` makes, a new one each time. */
  readonly fresh: () => object;
  readonly states: readonly string[];
  readonly commands: fc.Arbitrary<Message>;
  readonly events: fc.Arbitrary<Message>;
}

const runInput = { id: "r" };
const stepInput = { id: "s", maxAttempts: 2 };
const nodeInput = { id: "n", at: 0 };

export const subjects: readonly Subject[] = [
  {
    name: "run",
    machine: runMachine,
    table: runTable as Table<object, Message, Message>,
    input: runInput,
    fresh: () => runContext(runInput),
    states: runStates,
    commands: arbitrary.runCommands,
    events: arbitrary.runEvents,
  },
  {
    name: "step",
    machine: stepMachine,
    table: stepTable as Table<object, Message, Message>,
    input: stepInput,
    fresh: () => stepContext(stepInput),
    states: stepStates,
    commands: arbitrary.stepCommands,
    events: arbitrary.stepEvents,
  },
  {
    name: "node",
    machine: nodeMachine,
    table: compileMachine<object, Message, Message>(nodeMachine),
    input: nodeInput,
    fresh: () => nodeContext(nodeInput),
    states: nodeStates,
    commands: arbitrary.nodeCommands,
    events: arbitrary.nodeEvents,
  },
];

/** The machine as XState runs it, without anything of millrace. */
export const xstate = {
  initial: ({ machine, input }: Subject): AnyMachineSnapshot =>
    initialTransition(machine, input)[0] as AnyMachineSnapshot,
  legal: (snapshot: AnyMachineSnapshot, message: Message): boolean =>
    snapshot.status === "active" && snapshot.can(message),
  /** What the message makes the machine emit. */
  decide: (machine: AnyStateMachine, snapshot: AnyMachineSnapshot, command: Message): Message[] => {
    const [, actions] = transition(machine, snapshot, command);
    return (actions as readonly { type: string; params?: unknown }[])
      .filter((action) => action.type === "xstate.emit")
      .map((action) => (action.params as { event: Message }).event);
  },
  evolve: (
    machine: AnyStateMachine,
    snapshot: AnyMachineSnapshot,
    event: Message,
  ): AnyMachineSnapshot => transition(machine, snapshot, event)[0] as AnyMachineSnapshot,
};
