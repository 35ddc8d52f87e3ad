// Random graphs: what is acyclic compiles to the plan it says, what is not is refused with a true
// circle.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { graphOf } from "../../src/domain/plan.ts";
import { isMillraceError } from "../../src/kernel/errors.ts";
import type { GraphWorkflow } from "../../src/workflow/definition.ts";
import { graph } from "../../src/workflow/graph.ts";
import type { GraphBuilder } from "../../src/workflow/graph-builder.ts";

type Loose = GraphBuilder<unknown, unknown, Record<string, unknown>, unknown, never>;

/** What each step needs, by index of the steps. */
type Edges = readonly (readonly number[])[];

const MOST = 24;

/** Every step needs some of those before it; then they are declared in any order. */
const acyclic: fc.Arbitrary<{ readonly edges: Edges; readonly order: readonly number[] }> = fc
  .integer({ min: 1, max: MOST })
  .chain((size) =>
    fc.record({
      edges: fc.tuple(
        ...Array.from({ length: size }, (_, step) =>
          fc.subarray(Array.from({ length: step }, (_unused, before) => before)),
        ),
      ),
      order: fc.shuffledSubarray(
        Array.from({ length: size }, (_, step) => step),
        { minLength: size },
      ),
    }),
  );

const nameOf = (step: number): string => `s${step}`;

function build(edges: Edges, order: readonly number[]): GraphWorkflow<unknown, unknown> {
  let builder: Loose = graph("w");
  for (const step of order) {
    builder = builder.step(nameOf(step), { needs: (edges[step] ?? []).map(nameOf) }, () => step);
  }
  return builder.build();
}

describe("random graphs", () => {
  it("compile, when they have no circle, to what was declared", () => {
    fc.assert(
      fc.property(acyclic, ({ edges, order }) => {
        const { plan, bodies } = build(edges, order);
        expect(plan.steps.map(({ name }) => name)).toEqual(order.map(nameOf));
        expect([...bodies.keys()]).toEqual(order.map(nameOf));
        const { steps, dependents } = graphOf(plan.steps);
        for (const [step, needs] of edges.entries()) {
          expect(steps.get(nameOf(step))?.needs).toEqual(needs.map(nameOf));
          for (const need of needs) {
            expect(dependents.get(nameOf(need))).toContain(nameOf(step));
          }
        }
        expect(runnable(plan.steps)).toBe(plan.steps.length);
      }),
    );
  });

  it("are refused, when they have one, with a circle that is there", () => {
    const cyclic = acyclic.chain(({ edges, order }) =>
      fc
        .tuple(fc.nat(edges.length - 1), fc.nat(edges.length - 1))
        .map(([a, b]) => ({ edges: closed(edges, Math.min(a, b), Math.max(a, b)), order })),
    );
    fc.assert(
      fc.property(cyclic, ({ edges, order }) => {
        const cycle = circleIn(() => build(edges, order));
        expect(cycle.length).toBeGreaterThan(1);
        expect(cycle.at(-1)).toBe(cycle[0]);
        expect(new Set(cycle).size).toBe(cycle.length - 1);
        for (const [index, step] of cycle.slice(0, -1).entries()) {
          expect(edges[Number(step.slice(1))]?.map(nameOf)).toContain(cycle[index + 1]);
        }
      }),
    );
  });
});

/**
 * `edges` with a circle through `low` and `high`: each needs the other (itself, when they are one).
 */
function closed(edges: Edges, low: number, high: number): Edges {
  return edges.map((needs, step) => {
    const more = [...(step === low ? [high] : []), ...(step === high ? [low] : [])];
    return [...new Set([...needs, ...more])];
  });
}

function circleIn(define: () => unknown): readonly string[] {
  try {
    define();
  } catch (error) {
    if (isMillraceError(error, "E_DEF_CYCLE")) return error.details["cycle"] as readonly string[];
    throw error;
  }
  throw new Error("a graph with a circle was accepted");
}

/** How many steps get to run when each waits for its needs. */
function runnable(steps: readonly { readonly name: string; readonly needs: readonly string[] }[]) {
  const done = new Set<string>();
  for (let before = -1; before < done.size; ) {
    before = done.size;
    for (const { name, needs } of steps) if (needs.every((need) => done.has(need))) done.add(name);
  }
  return done.size;
}
