/**
 * What the machines decide, told as a story: these events happened, this is asked, that follows.
 *
 *   given([created, claimed])
 *     .when({ type: "cmd.complete", now: 3, output: { json: 7 } })
 *     .then([{ type: "run.completed", at: 3, output: { json: 7 } }]);
 *
 * What does not hold throws node:assert's AssertionError, whose difference every test runner shows.
 */
import { AssertionError, deepStrictEqual } from "node:assert";
import type { NodeCommand, NodeContext, NodeEvent } from "../../machines/node.ts";
import type { RunCommand, RunContext, RunEvent } from "../../machines/run-data.ts";
import type { StepCommand, StepContext, StepEvent } from "../../machines/step-data.ts";
import type { Refusal } from "../domain/table.ts";
import type { Result } from "../kernel/result.ts";
import { type Message, machineOf, type Subject, subjectOf } from "./arbitraries/subjects.ts";

/** Which machine a story is about that begins without an event. */
export interface GivenOptions {
  /** @default that of the events; "run" when there are none */
  readonly machine?: "run" | "step" | "node";
  /** Whose story it is. @default the step that the first event names; "r", "s" or "n" */
  readonly id?: string;
  /** Attempts that a step has. @default 2 */
  readonly maxAttempts?: number;
}

/**
 * A run, a step or a node to which these events have happened, in this order.
 * @throws Error when its machine does not take one of them
 */
export function given(
  events: readonly RunEvent[],
  options?: GivenOptions & { readonly machine?: "run" },
): Given<RunContext, RunCommand, RunEvent>;
export function given(
  events: readonly StepEvent[],
  options?: GivenOptions & { readonly machine?: "step" },
): Given<StepContext, StepCommand, StepEvent>;
export function given(
  events: readonly NodeEvent[],
  options?: GivenOptions & { readonly machine?: "node" },
): Given<NodeContext, NodeCommand, NodeEvent>;
export function given(events: readonly Message[], options: GivenOptions = {}): unknown {
  const [first] = events as readonly (Message & { readonly step?: string })[];
  const subject = subjectOf(options.machine ?? machineOf(first?.type ?? "") ?? "run");
  const { id = first?.step, maxAttempts } = options;
  const context = {
    ...subject.fresh(),
    ...(id === undefined ? {} : { id }),
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
  };
  return new Given(subject, context, events);
}

/** What has happened so far. */
export class Given<C extends object, Command extends Message, Event extends Message> {
  readonly #subject: Subject<C, Command, Event>;
  readonly #first: C;
  readonly #events: readonly Event[];
  /** The state that the events lead to. */
  readonly state: string;
  /** What is remembered there. */
  readonly context: Readonly<C>;

  constructor(subject: Subject<C, Command, Event>, first: C, events: readonly Event[]) {
    const actor = subject.table.create(structuredClone(first));
    for (const [index, event] of events.entries()) {
      const moved = subject.table.evolve(actor, event);
      if (moved.ok) continue;
      throw new Error(
        `what was given cannot have happened: event ${index + 1}, ${event.type}, in state ${moved.error.state}`,
      );
    }
    this.#subject = subject;
    this.#first = first;
    this.#events = events;
    this.state = actor.state;
    this.context = actor.context;
  }

  /** Asks for something; what is decided is up to the `then` that follows. */
  when(command: Command): When<C, Command, Event> {
    const { state, context } = this;
    const decided = this.#subject.table.decide({ state, context }, command);
    const going = (events: readonly Event[]): Given<C, Command, Event> =>
      new Given(this.#subject, this.#first, [...this.#events, ...events]);
    return new When(`${command.type} in state ${state}`, decided, going);
  }
}

/** A command that was decided, and what is expected of that. */
export class When<C extends object, Command extends Message, Event extends Message> {
  readonly #what: string;
  readonly #decided: Result<readonly Event[], Refusal>;
  readonly #going: (events: readonly Event[]) => Given<C, Command, Event>;

  constructor(
    what: string,
    decided: Result<readonly Event[], Refusal>,
    going: (events: readonly Event[]) => Given<C, Command, Event>,
  ) {
    this.#what = what;
    this.#decided = decided;
    this.#going = going;
  }

  /**
   * It leads to exactly these events. The story goes on behind them.
   * @throws AssertionError with the difference
   */
  // biome-ignore lint/suspicious/noThenProperty: given, when, then; an await is told what it did wrong
  then(expected: readonly Event[]): Given<C, Command, Event> {
    if (typeof expected === "function") {
      throw new TypeError("nothing is to be awaited here; give then() the events that follow");
    }
    if (!this.#decided.ok) {
      const message = `${this.#what} was refused; it was to lead to ${names(expected)}`;
      throw new AssertionError({ message, actual: [], expected, operator: "then" });
    }
    const actual = this.#decided.value;
    alike(`${this.#what} led to something else`, actual, expected);
    return this.#going(actual);
  }

  /**
   * The machine refuses it.
   * @throws AssertionError when it leads to anything
   */
  thenRefused(): void {
    if (!this.#decided.ok) return;
    const actual = this.#decided.value;
    const message = `${this.#what} was to be refused; it led to ${names(actual)}`;
    throw new AssertionError({ message, actual, expected: [], operator: "thenRefused" });
  }
}

const names = (events: readonly Message[]): string =>
  events.map(({ type }) => type).join(", ") || "nothing";

/** The difference is part of the message: not every runner shows `actual` and `expected`. */
function alike(what: string, actual: unknown, expected: unknown): void {
  try {
    deepStrictEqual(actual, expected);
  } catch (error) {
    if (!(error instanceof AssertionError)) throw error;
    const message = `${what}\n${error.message}`;
    throw new AssertionError({ message, actual, expected, operator: "then" });
  }
}
