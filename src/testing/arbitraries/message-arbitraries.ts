/** Arbitraries for messages of machines: a type, a time, and the fields that the type has. */
import fc from "fast-check";
import { times } from "./value-arbitraries.ts";

/** One arbitrary per type of a union: the compiler says which is missing. */
export type ByType<U extends { type: string }> = {
  readonly [T in U["type"]]: fc.Arbitrary<Extract<U, { type: T }>>;
};

type Fields = Readonly<Record<string, fc.Arbitrary<unknown>>>;
type Drawn<F extends Fields> = { [K in keyof F]: F[K] extends fc.Arbitrary<infer V> ? V : never };
type None = Readonly<Record<never, never>>;
type Message<T, Time extends string, R extends Fields, O extends Fields> = fc.Arbitrary<
  { type: T } & Record<Time, number> & Drawn<R> & Partial<Drawn<O>>
>;

const messagesWith =
  <Time extends string>(time: Time) =>
  <T extends string, R extends Fields = None, O extends Fields = None>(
    type: T,
    required?: R,
    optional?: O,
  ): Message<T, Time, R, O> => {
    const always = { type: fc.constant(type), [time]: times, ...required };
    const fields: Fields = { ...always, ...optional };
    const drawn = fc.record(fields, { requiredKeys: Object.keys(always) });
    return drawn as unknown as Message<T, Time, R, O>;
  };

/** An event of this type; `optional` fields are sometimes there. */
export const event = messagesWith("at");

/** A command of this type; `optional` fields are sometimes there. */
export const command = messagesWith("now");

/** As it comes back from a log: no inherited names, no -0, nothing undefined. */
export const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** Any of the union, each type as often as the others. */
export const oneOf = <U extends { type: string }>(byType: ByType<U>): fc.Arbitrary<U> =>
  fc.oneof(...(Object.values(byType) as fc.Arbitrary<U>[])).map(plain);
