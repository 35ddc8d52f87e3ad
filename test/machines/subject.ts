/** The machines under test, each with what XState makes of it and with what the compiled table does. */
import type fc from "fast-check";
import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  initialTransition,
  transition,
} from "xstate";
import { nodeStates } from "../../machines/node.ts";
import { runStates } from "../../machines/run.ts";
import { stepStates } from "../../machines/step.ts";
import type { Table } from "../../src/domain/table.ts";
import * as command from "../../src/testing/command-arbitraries.ts";
import * as event from "../../src/testing/event-arbitraries.ts";
import {
  type Subject as KitSubject,
  type Message,
  nodeSubject,
  runSubject,
  stepSubject,
} from "../../src/testing/subjects.ts";

export type { Message } from "../../src/testing/subjects.ts";

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

/** What tests of any machine need of one: its types do not matter to them. */
function anyOf<C extends object, Command extends Message, Event extends Message>(
  name: string,
  { machine, table, input, fresh }: KitSubject<C, Command, Event>,
  parts: Pick<Subject, "states" | "commands" | "events">,
): Subject {
  return { name, machine, table: table as Table<object, Message, Message>, input, fresh, ...parts };
}

export const subjects: readonly Subject[] = [
  anyOf("run", runSubject, {
    states: runStates,
    commands: command.runCommands,
    events: event.runEvents,
  }),
  anyOf("step", stepSubject, {
    states: stepStates,
    commands: command.stepCommands,
    events: event.stepEvents,
  }),
  anyOf("node", nodeSubject, {
    states: nodeStates,
    commands: command.nodeCommands,
    events: event.nodeEvents,
  }),
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
