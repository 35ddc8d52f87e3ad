/**
 * Random walks through a machine: sequences of events that it takes one after the other, and sequences
 * whose last event it does not. They are found by asking the machine's own table, so what is new in a
 * machine is walked through as soon as there is an arbitrary for it.
 */
import fc from "fast-check";
import { oneOf, plain } from "./message-arbitraries.ts";
import {
  type AnySubject,
  type EventOf,
  type MachineName,
  type Message,
  subjectOf,
} from "./subjects.ts";
import { type Crossing, crossings, type Move, Walk } from "./walk.ts";

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

const DEFAULT_LENGTH = 30;
/** Of so many moves at least one is possible, as good as always. */
const MOVES_PER_EVENT = 4;
/** Of a hundred moves so many speak of something new. */
const NEW_IN_100 = 25;
/** Candidates among which one is refused, as good as always. */
const CANDIDATES = 8;

/** Sequences of events that the machine takes, as its own commands lead to them; shrinks by leaving out moves. */
export const legalEvents = <M extends MachineName>(
  machine: M,
  options: WalkOptions = {},
): fc.Arbitrary<readonly EventOf<M>[]> =>
  walks(machine, options).map(
    ({ history }) => history as readonly unknown[] as readonly EventOf<M>[],
  );

/** A sequence of events that the machine takes, and one more that it does not. */
export function illegalEvents<M extends MachineName>(
  machine: M,
  options: WalkOptions = {},
): fc.Arbitrary<Refused<EventOf<M>>> {
  const { table, events } = subjectOf(machine);
  const length = { minLength: CANDIDATES, maxLength: CANDIDATES, size: "max" } as const;
  return fc
    .tuple(walks(machine, options), fc.array(oneOf(events), length))
    .map(([{ actor, history }, candidates]) => ({
      history,
      refused: candidates.find((event) => !table.can(actor, event)),
    }))
    .filter(({ refused }) => refused !== undefined)
    .map((found) => found as unknown as Refused<EventOf<M>>);
}

const walks = (
  machine: MachineName,
  { maxLength = DEFAULT_LENGTH }: WalkOptions,
): fc.Arbitrary<Walk> => new Walks(subjectOf(machine), maxLength);

/** Draws, move by move, from what can be told in the state that the walk has come to. */
class Walks extends fc.Arbitrary<Walk> {
  readonly #subject: AnySubject;
  readonly #crossings: ReadonlyMap<string, Crossing>;
  readonly #maxLength: number;

  constructor(subject: AnySubject, maxLength: number) {
    super();
    this.#subject = subject;
    this.#crossings = crossings(subject);
    this.#maxLength = maxLength;
  }

  override generate(random: fc.Random, bias: number | undefined): fc.Value<Walk> {
    const walk = new Walk(this.#subject, this.#crossings);
    const length = random.nextInt(0, this.#maxLength);
    const moves: Move[] = [];
    const any = { ...this.#subject.events, ...this.#subject.commands } as Readonly<
      Record<string, fc.Arbitrary<Message>>
    >;
    for (let left = length * MOVES_PER_EVENT; left > 0 && walk.history.length < length; left--) {
      const type = walk.types[random.nextInt(0, Math.max(0, walk.types.length - 1))];
      const arbitrary = any[type ?? ""];
      if (arbitrary === undefined) break;
      const message = plain(arbitrary.generate(random, bias).value);
      const known = random.nextInt(0, 99);
      const daring = random.nextInt(0, 99);
      const move = { message, daring, known: known < NEW_IN_100 ? null : known };
      moves.push(move);
      walk.move(move);
    }
    return new fc.Value(walk, moves);
  }

  /** A walk alone does not say by which moves it came about. */
  override canShrinkWithoutContext(_value: unknown): _value is Walk {
    return false;
  }

  /** Leaves out more and more of the moves, then fewer and fewer, from the end to the beginning. */
  override shrink(value: Walk, context: unknown): fc.Stream<fc.Value<Walk>> {
    return new fc.Stream(this.#shorter(value, (context ?? []) as readonly Move[]));
  }

  *#shorter(value: Walk, moves: readonly Move[]): IterableIterator<fc.Value<Walk>> {
    for (let size = moves.length; size >= 1; size = size >> 1) {
      for (let end = moves.length; end > 0; end -= size) {
        const kept = [...moves.slice(0, Math.max(0, end - size)), ...moves.slice(end)];
        const walk = new Walk(this.#subject, this.#crossings);
        for (const move of kept) walk.move(move);
        if (walk.history.length < value.history.length) yield new fc.Value(walk, kept);
      }
    }
  }
}
