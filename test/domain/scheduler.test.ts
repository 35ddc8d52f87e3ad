// Random graphs under a random scheduler: whatever happens in whatever order, the invariants hold, the
// run comes to exactly one end, and its log alone says everything about it.
import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideRun, decideStep } from "../../src/domain/decide.ts";
import { evolve } from "../../src/domain/evolve.ts";
import { nextWake, outstanding } from "../../src/domain/outstanding.ts";
import { settle, stopAll } from "../../src/domain/settle.ts";
import { type RunState, stepActor } from "../../src/domain/state.ts";
import { isMillraceError } from "../../src/kernel/errors.ts";
import { runCommands, stepCommands } from "../../src/testing/arbitraries/command-arbitraries.ts";
import { runEvents, stepEvents } from "../../src/testing/arbitraries/event-arbitraries.ts";
import { checkLog } from "./invariants.ts";
import { graphPlans } from "./plans.ts";
import { RandomLife } from "./random-life.ts";
import { dump, fold } from "./recorded-run.ts";

const deadlines = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.record({ deadlineMs: fc.integer({ min: 1, max: 200 }) }) },
);
const numbers = fc.array(fc.nat(10_000), { maxLength: 150, size: "max" });

/** What some life must have gone through, or the scheduler is not worth its name. */
const EVERYTHING = [
  "completed",
  "failed",
  "cancelled",
  "terminated",
  "run.parked",
  "run.paused",
  "run.resumed",
  "run.compensating",
  "step.mapped",
  "step.suspended",
  "timer.fired",
  "timer.cancelled",
  "wait.matched",
  "wait.expired",
  "wait.cancelled",
  "signal.refused",
  "child.requested",
  "child.started",
  "child.stopping",
  "step.retrying",
  "step.held",
  "step.rescheduled",
  "step.skipped",
  "step.cancelled",
  "cmd.cancel",
  "cmd.skip",
  "cmd.retry",
  "cmd.give_up",
  "late report",
  "setback lost",
  "setback never",
  "setback policy",
];

const isAbandoned = (state: RunState, step: string): boolean =>
  stepActor(state, step).context.child?.onParentClose === "abandon";

describe("a graph run under a random scheduler", () => {
  it("keeps every invariant and ends exactly once", () => {
    const seen = new Set<string>();
    const property = fc.property(graphPlans, numbers, deadlines, (plan, choices, deadline) => {
      const life = new RandomLife(plan, choices, { refold: false, ...deadline });
      life.live();
      checkLog(plan, life.run.events, true);
      for (const what of life.seen) seen.add(what);
    });
    fc.assert(property, { numRuns: 1_500 });
    for (const what of EVERYTHING) expect(seen, what).toContain(what);
  });

  it("is at every event what its log says, folded from nothing", () => {
    const property = fc.property(graphPlans, numbers, (plan, choices) => {
      const life = new RandomLife(plan, choices);
      life.live();
      checkLog(plan, life.run.events, true);
    });
    fc.assert(property, { numRuns: 60 });
  });

  it("is over when it is over", () => {
    const property = fc.property(
      fc.tuple(graphPlans, numbers, deadlines),
      fc.array(runCommands),
      fc.array(stepCommands),
      fc.array(fc.oneof(runEvents, stepEvents)),
      ([plan, choices, deadline], forRun, forStep, events) => {
        const life = new RandomLife(plan, choices, { refold: false, ...deadline });
        life.live();
        const { state, now, log } = life.run;
        const end = JSON.stringify(dump(state));
        assert.deepEqual(settle(state, now), []);
        assert.deepEqual(stopAll(state, now, "r"), []);
        // Child runs of one that was terminated are told to stop, or to go on alone; nothing of that is recorded.
        const owed = [...outstanding(state, now)].filter(({ kind }) => kind !== "stop");
        assert.ok(owed.every((duty) => duty.kind === "child" && isAbandoned(state, duty.step)));
        assert.equal(nextWake(state), undefined);
        for (const command of forRun) assert.equal(decideRun(state, command).ok, false);
        for (const step of ["s0", "s1", "s0[0]", "nobody"]) {
          for (const command of forStep) assert.equal(decideStep(state, step, command).ok, false);
        }
        assert.equal(JSON.stringify(dump(state)), end);
        for (const event of events) {
          assert.throws(
            () => evolve(fold(log), event),
            (thrown) => isMillraceError(thrown, "E_LOG_CORRUPT"),
          );
        }
      },
    );
    fc.assert(property, { numRuns: 100 });
  });
});
