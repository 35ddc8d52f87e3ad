// Runs with children: what a run owes them, at any moment and at its end.
import { describe, expect, it } from "vitest";
import type { OnParentClose } from "../../machines/child-data.ts";
import { outstanding } from "../../src/domain/outstanding.ts";
import { codePlan, graphPlan, planStep } from "./plans.ts";
import { RecordedRun } from "./recorded-run.ts";

const INPUT = { json: null };

function request(run: RecordedRun, step: string, onParentClose: OnParentClose): void {
  const { now } = run;
  const child = { childRun: `run-${step}`, childWorkflow: "w", input: INPUT, onParentClose };
  expect(run.step(step, { type: "cmd.request", now, ...child })).toBe(true);
}

const claimed = (run: RecordedRun): RecordedRun => {
  run.run({ type: "cmd.claim", now: run.now, node: "n", lease: "l" });
  run.settle();
  return run;
};
const keys = ({ state, now }: RecordedRun): string[] =>
  [...outstanding(state, now)].map(({ key }) => key);

describe("a run with children", () => {
  it("owes each its beginning, and the one that is to stop a word", () => {
    const run = claimed(new RecordedRun(codePlan()));
    request(run, "a", "cancel");
    expect(keys(run)).toEqual(["child/a"]);
    run.step("a", { type: "cmd.confirm", now: run.now });
    expect(keys(run)).toEqual(["await/a"]);
    run.step("a", { type: "cmd.cancel", now: run.now, reason: "r" });
    expect(keys(run)).toEqual(["stop/a"]);
    run.step("a", { type: "cmd.confirm", now: run.now });
    expect(keys(run)).toEqual([]);
    expect(run.state.answers.map(({ key }) => key)).toEqual(["child:a"]);
  });

  it("that is terminated still owes them what their policies say", () => {
    const run = claimed(new RecordedRun(codePlan()));
    for (const policy of ["cancel", "abandon", "wait"] as const) request(run, policy, policy);
    expect(run.run({ type: "cmd.terminate", now: run.now, by: "b", reason: "r" })).toBe(true);
    expect(keys(run)).toEqual(["stop/cancel", "child/abandon", "stop/wait"]);
  });

  it("that continues owes the next run, and its parent nothing", () => {
    const run = claimed(new RecordedRun(codePlan()));
    run.run({ type: "cmd.continue", now: run.now, next: "next", input: INPUT });
    expect(keys(run)).toEqual(["continue/next"]);
  });

  it("of code ends a list of them with the first that fails, and lets go of the others", () => {
    const run = claimed(new RecordedRun(codePlan()));
    run.step("all", { type: "cmd.map", now: run.now, count: 3, concurrency: 2 });
    for (const item of ["all[0]", "all[1]"]) request(run, item, "cancel");
    expect(run.state.pending.size).toBe(0);
    const { now } = run;
    const error = { code: "E", message: "m" };
    const failed = {
      type: "cmd.fail",
      now,
      attempt: 1,
      error,
      retry: false,
      retryAt: now,
    } as const;
    run.step("all[0]", failed);
    run.settle();
    expect(run.state.steps.get("all")?.state).toBe("failed");
    expect(run.state.steps.get("all[1]")?.state).toBe("stopping");
    expect(run.state.answers.map(({ key }) => key)).toEqual(["children:all"]);
  });

  it("does not fail before the one that it is to wait for has ended", () => {
    const child = { workflow: "w", onParentClose: "wait" } as const;
    const plan = graphPlan([planStep("bad"), planStep("slow", { child })]);
    const run = claimed(new RecordedRun(plan));
    request(run, "slow", "wait");
    const { now } = run;
    run.step("bad", { type: "cmd.start", now, node: "n" });
    const error = { code: "E", message: "m" };
    run.step("bad", { type: "cmd.fail", now, attempt: 1, error, retry: false, retryAt: now });
    run.settle();
    expect(run.state.run.state).toBe("compensating");
    run.step("slow", { type: "cmd.complete", now, attempt: 1, output: INPUT });
    run.settle();
    expect(run.state.run.state).toBe("failed");
  });
});
