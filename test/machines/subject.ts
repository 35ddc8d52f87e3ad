/** The machines under test, each with what XState makes of it and with what the compiled table does. */
import type fc from "fast-check";
import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  initialTransition,
  transition,
} from "xstate";
import { gateStates } from "../../machines/gate.ts";
import { nodeStates } from "../../machines/node.ts";
import { runStates } from "../../machines/run.ts";
import { scheduleStates } from "../../machines/schedule.ts";
import { stepStates } from "../../machines/step.ts";
import { oneOf } from "../../src/testing/arbitraries/message-arbitraries.ts";
import {
  type AnySubject,
  type MachineName,
  type Message,
  subjectOf,
} from "../../src/testing/arbitraries/subjects.ts";

export type { Message } from "../../src/testing/arbitraries/subjects.ts";

export interface Subject extends Pick<AnySubject, "machine" | "table" | "input" | "fresh"> {
  readonly name: MachineName;
  readonly states: readonly string[];
  readonly commands: fc.Arbitrary<Message>;
  readonly events: fc.Arbitrary<Message>;
}

/** What tests of any machine need of one: its types do not matter to them. */
function anyOf(name: MachineName, states: readonly string[]): Subject {
  const { commands, events, ...parts } = subjectOf(name);
  return { name, states, ...parts, commands: oneOf(commands), events: oneOf(events) };
}

export const subjects: readonly Subject[] = [
  anyOf("run", runStates),
  anyOf("step", stepStates),
  anyOf("node", nodeStates),
  anyOf("gate", gateStates),
  anyOf("schedule", scheduleStates),
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
