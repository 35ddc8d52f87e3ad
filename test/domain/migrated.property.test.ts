// A run that is moved to a plan that asks for the same is where it was before, at every place of every history; and
// every history fits the plan that made it.
import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "vitest";
import { evolve } from "../../src/domain/evolve.ts";
import { emptyRun, runTable } from "../../src/domain/state.ts";
import { foldOnPlan } from "../../src/upgrade/fold-on-plan.ts";
import { graphPlans } from "./plans.ts";
import { RandomLife } from "./random-life.ts";
import { dump } from "./recorded-run.ts";

const numbers = fc.array(fc.nat(10_000), { maxLength: 120, size: "max" });

/** Sets and maps without their order, and without what says which plan it is. */
function told(state: ReturnType<typeof emptyRun>): unknown {
  const { plan: _plan, graph: _graph, cursor: _cursor, run, ...rest } = state;
  const unordered = Object.entries(rest).map(([name, value]): [string, unknown] => {
    if (value instanceof Set) return [name, [...value].sort()];
    return [name, value instanceof Map ? [...value].sort().map(dump) : dump(value)];
  });
  const { updatedAt: _, ...context } = run.context;
  return [run.state, dump(context), Object.fromEntries(unordered)];
}

describe("a plan that asks for the same", () => {
  it("leaves a run where it was, whenever it is moved", () => {
    let moved = 0;
    const property = fc.property(graphPlans, numbers, fc.nat(), (plan, choices, place) => {
      const life = new RandomLife(plan, choices, { refold: false });
      life.live();
      const { events } = life.run;
      const until = place % events.length;
      const [state, again] = [emptyRun("r"), emptyRun("r")];
      for (const event of events.slice(0, until + 1)) {
        evolve(state, event);
        evolve(again, event);
      }
      const other = { ...plan, version: `${plan.version}2`, label: "2" };
      const event = { type: "run.migrated", at: 1, plan: other, by: "b", reason: "r" } as const;
      if (!runTable.can(state.run, event)) return;
      moved++;
      evolve(state, event);
      assert.deepEqual(told(state), told(again));
    });
    fc.assert(property, { numRuns: 400 });
    assert.ok(moved > 100, `${moved} were moved`);
  });

  it("fits every history that it has made", () => {
    const property = fc.property(graphPlans, numbers, (plan, choices) => {
      const life = new RandomLife(plan, choices, { refold: false });
      life.live();
      const { events, state } = life.run;
      const folded = { state, events, callSeqs: [] };
      assert.deepEqual(foldOnPlan(plan, folded, emptyRun("r")), []);
    });
    fc.assert(property, { numRuns: 200 });
  });
});
