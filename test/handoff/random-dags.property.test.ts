// Random DAGs of regular and inline functions give what calling the functions by hand gives, whatever
// their ids and the order they are declared in.
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Dag, dag, open } from "../../src/index.ts";
import { silentLogger } from "../../src/kernel/logger.ts";

interface Shape {
  readonly inline: boolean;
  readonly asList: boolean;
  /** Which of those before it. */
  readonly args: readonly number[];
}

const shapes = fc.integer({ min: 1, max: 9 }).chain((size) =>
  fc.record({
    all: fc.tuple(
      ...Array.from({ length: size }, (_, at) =>
        fc.record({
          inline: fc.boolean(),
          asList: fc.boolean(),
          args: at === 0 ? fc.constant([]) : fc.array(fc.nat(at - 1), { maxLength: 3 }),
        }),
      ),
    ),
    ids: fc.shuffledSubarray([..."abcdefghi"], { minLength: 9 }),
    order: fc.shuffledSubarray(
      Array.from({ length: size }, (_, at) => at),
      { minLength: size },
    ),
  }),
);

/** What the function of that place returns, and how often each is called for it. */
function byHand(all: readonly Shape[], at: number, calls: number[]): string {
  calls[at] = (calls[at] ?? 0) + 1;
  const taken = new Map<number, string>();
  for (const arg of all[at]?.args ?? []) {
    if (taken.has(arg)) continue;
    const isInline = all[arg]?.inline === true;
    taken.set(arg, byHand(all, arg, isInline ? calls : []));
  }
  return `${at}(${(all[at]?.args ?? []).map((arg) => taken.get(arg)).join()})`;
}

function build(
  all: readonly Shape[],
  ids: readonly string[],
  order: readonly number[],
  calls: number[],
): Dag {
  const idOf = (at: number): string => ids[at] ?? "";
  return dag().add(
    ...order.map((at) => {
      const { inline, asList, args } = all[at] as Shape;
      const code = (...given: (string | string[])[]): string => {
        calls[at] = (calls[at] ?? 0) + 1;
        return `${at}(${given.flat().join()})`;
      };
      return {
        id: idOf(at),
        code,
        args: args.map(idOf),
        type: inline ? ("inline" as const) : ("regular" as const),
        argumentInclusion: asList ? ("as_list" as const) : ("variadic" as const),
      };
    }),
  );
}

it("random DAGs give what their functions give, called by hand", async () => {
  await using millrace = await open({ store: "memory", logger: silentLogger });
  const property = fc.asyncProperty(shapes, fc.boolean(), async ({ all, ids, order }, local) => {
    const [calls, expected]: [number[], number[]] = [[], []];
    const results: Record<string, string> = {};
    for (const [at, { inline }] of all.entries()) {
      if (!inline) results[ids[at] ?? ""] = byHand(all, at, expected);
    }
    const made = build(all, ids, order, calls);
    const answer = await (local ? millrace.executeLocal(made) : millrace.execute(made));
    expect(answer.results).toEqual(results);
    expect(calls).toEqual(expected);
  });
  await fc.assert(property, { numRuns: 150 });
});
