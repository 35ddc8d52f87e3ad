/**
 * Random walks through a machine: sequences of events that it takes one after the other, and sequences
 * whose last event it does not. They are found by asking the machine's own table, so what is new in a
 * machine is walked through as soon as there is an arbitrary for it.
 */
import fc from "fast-check";
import { type AnyStateMachine, getNextTransitions } from "xstate";
import type { Actor } from "../domain/table.ts";
import {
  type AnySubject,
  type EventOf,
  type MachineName,
  type Message,
  subjectOf,
} from "./subjects.ts";
import { oneOf, plain } from "./value-arbitraries.ts";

/** How long a walk may be. */
export interface WalkOptions {
  /** Events at most. @default 30 */
  readonly maxLength?: number;
}

/** A history, and an event that the machine does not take after it. */
export interface Refused<Event> {
  readonly history: readonly Event[];
  readonly refused: Event;
}

/** One move of a walk, which is made if the machine takes it. */
interface Move {
  readonly command: Message;
  /** 0 to 99: which moves are made that leave little to come. */
  readonly daring: number;
  /** Which of the things that were spoken of before it speaks of; none of them: a new one. */
  readonly known: number | null;
}

/** Of a hundred moves that would end a life, so many do. */
const ENDINGS = 8;
/** Of so many moves about one is possible. */
const MOVES_PER_EVENT = 3;
const DEFAULT_LENGTH = 30;

/** Fields that name a time to come, which is counted from now on. */
const TO_COME = new Set(["due", "until", "retryAt", "startBy", "endBy", "deadline"]);

/** Sequences of events that the machine takes, as its own commands lead to them; shrinks by leaving out moves. */
export const legalEvents = <M extends MachineName>(
  machine: M,
  options: WalkOptions = {},
): fc.Arbitrary<readonly EventOf<M>[]> =>
  walks(machine, options).map(({ history }) => history as readonly EventOf<M>[]);

/** A sequence of events that the machine takes, and one more that it does not. */
export function illegalEvents<M extends MachineName>(
  machine: M,
  options: WalkOptions = {},
): fc.Arbitrary<Refused<EventOf<M>>> {
  const subject = subjectOf(machine);
  const candidates = fc.array(oneOf(subject.events), { minLength: 8, maxLength: 8, size: "max" });
  return fc
    .tuple(walks(machine, options), candidates)
    .map(([{ actor, history }, events]) => {
      const refused = events.find((event) => !subject.table.can(actor, event));
      return { history, refused };
    })
    .filter((found): found is Refused<EventOf<M>> => found.refused !== undefined);
}

interface Walked {
  readonly actor: Actor<object>;
  readonly history: readonly Message[];
}

function walks(
  machine: MachineName,
  { maxLength = DEFAULT_LENGTH }: WalkOptions,
): fc.Arbitrary<Walked> {
  const subject = subjectOf(machine);
  const births = birthsOf(subject);
  const move = fc.record({
    command: oneOf(subject.commands),
    daring: fc.nat(99),
    known: fc.option(fc.nat(99)),
  });
  const futures = futuresOf(subject.machine);
  const moves = fc.array(move, { maxLength: maxLength * MOVES_PER_EVENT, size: "max" });
  const beginning = births.length === 0 ? fc.constant(undefined) : fc.oneof(...births).map(plain);
  return fc.tuple(beginning, moves).map(([birth, made]) => {
    const walk = new Walk(subject, futures);
    if (birth !== undefined) walk.take([birth]);
    for (const one of made) if (walk.history.length < maxLength) walk.move(one);
    return walk;
  });
}

/** How many states can still be reached from each. */
function futuresOf(machine: AnyStateMachine): ReadonlyMap<string, number> {
  const next = (value: string): string[] =>
    getNextTransitions(machine.resolveState({ value, context: {} })).flatMap(({ target = [] }) =>
      target.map(({ key }) => key),
    );
  const futures = new Map<string, number>();
  for (const state of Object.keys(machine.states)) {
    const reached = new Set(next(state));
    for (const one of reached) for (const further of next(one)) reached.add(further);
    futures.set(state, reached.size);
  }
  return futures;
}

/** What an actor can begin with when nothing can be asked of it yet. */
function birthsOf({ machine, table, fresh, events }: AnySubject): readonly fc.Arbitrary<Message>[] {
  const { state: value, context } = table.create(fresh());
  const named = getNextTransitions(machine.resolveState({ value, context })).map(
    ({ eventType }) => eventType,
  );
  if (named.some((type) => type.startsWith("cmd."))) return [];
  return named.flatMap((type) => (events as Record<string, fc.Arbitrary<Message>>)[type] ?? []);
}

/** One actor on its way. */
class Walk implements Walked {
  readonly #subject: AnySubject;
  readonly #futures: ReadonlyMap<string, number>;
  readonly history: Message[] = [];
  actor: Actor<object>;
  /** By field: which ids and names the history has come by. */
  readonly #spokenOf = new Map<string, string[]>();
  #now = 0;

  constructor(subject: AnySubject, futures: ReadonlyMap<string, number>) {
    this.#subject = subject;
    this.#futures = futures;
    this.actor = subject.table.create(subject.fresh());
  }

  move({ command, daring, known }: Move): void {
    const { table } = this.#subject;
    const now = this.#now + (Number((command as { now?: number }).now ?? 0) % 100);
    const decided = table.decide(this.actor, this.#aimed(command, now, known));
    if (!decided.ok) return;
    const before = structuredClone(this.actor);
    const events = decided.value.map(plain);
    this.take(events);
    if (daring < this.#worth(before.state, this.actor.state)) {
      this.#now = now;
      return;
    }
    this.actor = before;
    this.history.splice(-events.length);
  }

  /** Most walks would be over at once if a move that leaves little to come were made like any other. */
  #worth(from: string, to: string): number {
    const left = (this.#futures.get(to) ?? 0) / (this.#futures.get(from) ?? 1);
    return Math.max(ENDINGS, 100 * left * left);
  }

  take(events: readonly Message[]): void {
    for (const event of events) {
      const moved = this.#subject.table.evolve(this.actor, event);
      if (!moved.ok)
        throw new Error(`a decided ${event.type} is not taken in ${moved.error.state}`);
      this.history.push(event);
      for (const [field, value] of Object.entries(event)) {
        if (typeof value !== "string") continue;
        this.#spokenOf.set(field, [...(this.#spokenOf.get(field) ?? []), value]);
      }
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
        aimed[field] = others[known % others.length];
      } else if (TO_COME.has(field) && typeof value === "number") {
        aimed[field] = now + (value % 100);
      }
    }
    return aimed as unknown as Message;
  }
}
