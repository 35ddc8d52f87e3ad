/** One actor on its way through its machine, and what the machine's own table says about the ways. */
import { type AnyStateMachine, getNextTransitions } from "xstate";
import type { Actor } from "../../domain/table.ts";
import { plain } from "./message-arbitraries.ts";
import type { AnySubject, Message } from "./subjects.ts";

/** One move of a walk, which is made if the machine takes it. */
export interface Move {
  /** A command; or an event, where nothing can be asked. */
  readonly message: Message;
  /** 0 to 99: which moves are made that leave little to come. */
  readonly daring: number;
  /** 0 to 99: which of the things that were spoken of before it speaks of; null: a new one. */
  readonly known: number | null;
}

/** What can be told in a state, and how many states are still to be reached from it. */
export interface Crossing {
  /** Types of commands; where there are none, of events. */
  readonly types: readonly string[];
  readonly ahead: number;
}

/** Of a hundred moves that would end a life, so many do. */
const ENDINGS = 8;

/** Fields that name a time to come, which is counted from now on. */
const TO_COME = new Set(["due", "until", "retryAt", "startBy", "endBy", "deadline"]);

/** By state, what the machine itself says. */
export function crossings({
  machine,
  commands,
  events,
}: AnySubject): ReadonlyMap<string, Crossing> {
  return new Map(
    Object.keys(machine.states).map((state) => {
      const named = [...new Set(next(machine, state).map(({ eventType }) => eventType))];
      const asked = named.filter((type) => Object.hasOwn(commands, type));
      const types = asked.length > 0 ? asked : named.filter((type) => Object.hasOwn(events, type));
      return [state, { types, ahead: ahead(machine, state) }];
    }),
  );
}

const next = (machine: AnyStateMachine, value: string): ReturnType<typeof getNextTransitions> =>
  getNextTransitions(machine.resolveState({ value, context: {} }));

function ahead(machine: AnyStateMachine, state: string): number {
  const targets = (value: string): string[] =>
    next(machine, value).flatMap(({ target = [] }) => target.map(({ key }) => key));
  const reached = new Set(targets(state));
  for (const one of reached) for (const further of targets(one)) reached.add(further);
  return reached.size;
}

/** Makes moves. */
export class Walk {
  readonly #subject: AnySubject;
  readonly #crossings: ReadonlyMap<string, Crossing>;
  /** What has happened. */
  readonly history: Message[] = [];
  actor: Actor<object>;
  /** By field: which ids and names the history has come by. */
  readonly #spokenOf = new Map<string, string[]>();
  #now = 0;

  constructor(subject: AnySubject, ways: ReadonlyMap<string, Crossing>) {
    this.#subject = subject;
    this.#crossings = ways;
    this.actor = subject.table.create(subject.fresh());
  }

  /** What can be told now. */
  get types(): readonly string[] {
    return this.#crossings.get(this.actor.state)?.types ?? [];
  }

  move({ message, daring, known }: Move): void {
    const now = this.#now + (Number((message as { now?: number }).now ?? 0) % 100);
    const events = this.#led(message, now, known);
    if (events === undefined) return;
    const before = structuredClone(this.actor);
    for (const event of events) this.#take(event);
    if (daring < this.#worth(before.state, this.actor.state)) this.#now = now;
    else {
      this.actor = before;
      this.history.splice(-events.length);
    }
  }

  /** The events that it leads to; undefined: the machine does not take it. */
  #led(message: Message, now: number, known: number | null): readonly Message[] | undefined {
    const { table, events } = this.#subject;
    if (Object.hasOwn(events, message.type)) {
      return table.can(this.actor, message) ? [message] : undefined;
    }
    const decided = table.decide(this.actor, this.#aimed(message, now, known));
    return decided.ok ? decided.value.map(plain) : undefined;
  }

  /** Most walks would be over at once if a move that leaves little to come were made like any other. */
  #worth(from: string, to: string): number {
    const left = this.#ahead(to) / Math.max(1, this.#ahead(from));
    return Math.max(ENDINGS, 100 * left * left);
  }

  #ahead(state: string): number {
    return this.#crossings.get(state)?.ahead ?? 0;
  }

  #take(event: Message): void {
    const moved = this.#subject.table.evolve(this.actor, event);
    if (!moved.ok) throw new Error(`a decided ${event.type} is not taken in ${moved.error.state}`);
    this.history.push(event);
    for (const [field, value] of Object.entries(event)) {
      if (typeof value !== "string") continue;
      const others = this.#spokenOf.get(field);
      if (others === undefined) this.#spokenOf.set(field, [value]);
      else others.push(value);
    }
  }

  /** Most commands would come too late, or speak of another attempt, if they were left as they were drawn. */
  #aimed(command: Message, now: number, known: number | null): Message {
    const aimed: Record<string, unknown> = { ...command, now };
    const { attempt } = this.actor.context as { attempt?: number };
    for (const [field, value] of Object.entries(command)) {
      if (field === "attempt") aimed[field] = attempt;
      else if (typeof value === "string" && field !== "type" && known !== null) {
        const others = this.#spokenOf.get(field) ?? [value];
        // Mostly one of the last: what it has to do with may still be going on.
        aimed[field] = others.at(-1 - Math.floor((known / 100) ** 2 * others.length));
      } else if (TO_COME.has(field) && typeof value === "number") {
        aimed[field] = now + (value % 100);
      }
    }
    return aimed as unknown as Message;
  }
}
