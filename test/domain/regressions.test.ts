// One test per bug that was found in the domain, so that none comes back.
import { describe, expect, it } from "vitest";
import { startCommand } from "../../src/domain/decide.ts";
import { evolve } from "../../src/domain/evolve.ts";
import { nextWake, outstanding } from "../../src/domain/outstanding.ts";
import { itemOf, type PlanStep } from "../../src/domain/plan.ts";
import { emptyRun, stepActor } from "../../src/domain/state.ts";
import type { MillraceEvent } from "../../src/events/vocabulary.ts";
import type { MillraceError } from "../../src/kernel/errors.ts";
import { graphPlan, noRetry, planStep } from "./plans.ts";
import { RecordedRun } from "./recorded-run.ts";

const corrupt = expect.objectContaining({ code: "E_LOG_CORRUPT" }) as MillraceError;

/** A claimed and settled run of a graph. */
function runOf(...steps: PlanStep[]): RecordedRun {
  const run = new RecordedRun(graphPlan(steps));
  run.run({ type: "cmd.claim", now: run.now, node: "n", lease: "l" });
  run.settle();
  return run;
}

const start = (run: RecordedRun, step: string): boolean =>
  run.step(step, startCommand("n", { retry: noRetry }, run.now));
const complete = (run: RecordedRun, step: string): boolean =>
  run.step(step, { type: "cmd.complete", now: run.now, attempt: 1, output: { json: step } });
const keys = (run: RecordedRun): string[] =>
  [...outstanding(run.state, run.now)].map(({ key }) => key);
const states = (run: RecordedRun): Record<string, string> =>
  Object.fromEntries([...run.state.steps].map(([id, { state }]) => [id, state]));

/** A run whose mapped step has two items running and more to come. */
function mappedRun(more: Partial<PlanStep> = {}): RecordedRun {
  const run = runOf(planStep("list"), planStep("each", { over: "list", concurrency: 2, ...more }));
  start(run, "list");
  complete(run, "list");
  run.settle();
  run.step("each", { type: "cmd.map", now: run.now, count: 5 });
  return run;
}

describe("a graph run", () => {
  it("does not ask for a step again that was skipped before its needs were there", () => {
    const maybe = planStep("maybe", { needs: ["a"], conditional: true });
    const run = runOf(planStep("a"), maybe, planStep("b", { needs: ["maybe"] }));
    run.step("maybe", { type: "cmd.skip", now: run.now, reason: "from outside" });
    run.settle();
    expect(keys(run)).toEqual(["start/a/1", "start/b/1"]);
    start(run, "a");
    complete(run, "a");
    run.settle();
    expect(keys(run)).toEqual(["start/b/1"]);
    expect([...run.state.ready]).toEqual([]);
  });

  it("stops the items of a mapped step that somebody cancels, begun or not", () => {
    const run = mappedRun();
    start(run, "each[0]");
    start(run, "each[1]");
    run.step("each", { type: "cmd.cancel", now: run.now, reason: "from outside" });
    expect(states(run)).toMatchObject({
      each: "cancelled",
      "each[0]": "cancelled",
      "each[1]": "cancelled",
    });
    expect(keys(run)).toEqual([]);
    run.settle();
    expect(run.state.run.state).toBe("completed");
  });

  it("stops the items of a mapped step that fails as a whole", () => {
    const run = mappedRun();
    start(run, "each[0]");
    const error = { code: "E", message: "m" };
    const failed = { attempt: 0, error, retry: false, retryAt: run.now };
    run.step("each", { type: "cmd.fail", now: run.now, ...failed });
    run.settle();
    expect(states(run)).toMatchObject({ each: "failed", "each[0]": "cancelled" });
    expect(run.state.run.state).toBe("failed");
  });

  it("fails by the step that failed first, when several fail in one commit", () => {
    const run = runOf(planStep("a"), planStep("b"));
    for (const step of ["a", "b"]) {
      start(run, step);
      const error = { code: step, message: "m" };
      const failed = { attempt: 1, error, retry: false, retryAt: run.now };
      run.step(step, { type: "cmd.fail", now: run.now, ...failed });
    }
    run.settle();
    expect(run.state.run.context.error).toMatchObject({ cause: { code: "a" } });
  });

  it("begins nothing more while it is being cancelled", () => {
    const run = mappedRun();
    run.run({ type: "cmd.pause", now: run.now, by: "b", reason: "r" });
    run.run({ type: "cmd.cancel", now: run.now, by: "b", reason: "r" });
    expect(run.state.run.context.paused).toBeNull();
    expect(start(run, "each[0]")).toBe(false);
    run.settle();
    expect(run.state.run.state).toBe("cancelled");
  });

  it("fails an item that does not begin within its schedule-to-start time", () => {
    const run = mappedRun({ policy: { retry: noRetry, scheduleToStartMs: 10 } });
    expect(nextWake(run.state)).toBe(run.now + 10);
    start(run, "each[0]");
    run.now += 10;
    run.settle();
    expect(run.state.run).toMatchObject({
      state: "failed",
      context: { error: { code: "E_STEP_FAILED", cause: { code: "E_STEP_TIMEOUT" } } },
    });
    expect(run.state.failed).toBe("each[1]");
  });

  it("counts that time from when the item's turn came", () => {
    const policy = { retry: noRetry, scheduleToStartMs: 10 };
    const run = mappedRun({ policy, concurrency: 1 });
    start(run, "each[0]");
    run.now += 50;
    run.settle();
    complete(run, "each[0]");
    expect(nextWake(run.state)).toBe(run.now + 10);
    run.settle();
    expect(run.state.run.state).toBe("running");
  });
});

describe("a run that is undone", () => {
  /** Step `a` has completed and can be undone; `b` could run; `c` is still to be decided on. */
  function undoableRun(): RecordedRun {
    const a = planStep("a", { undo: true });
    const run = runOf(a, planStep("b"), planStep("c", { needs: ["a"], conditional: true }));
    start(run, "a");
    complete(run, "a");
    run.settle();
    return run;
  }

  it("is not kept waiting by a pause that came before it was cancelled", () => {
    const run = undoableRun();
    run.run({ type: "cmd.pause", now: run.now, by: "b", reason: "r" });
    run.settle();
    expect(keys(run)).toEqual([]);
    run.run({ type: "cmd.cancel", now: run.now, by: "b", reason: "r" });
    run.settle();
    expect(keys(run)).toEqual(["start/a~undo/1"]);
    expect(run.state.run.context.paused).toBeNull();
  });

  it("is not kept waiting by a pause when its deadline passes", () => {
    const plan = graphPlan([planStep("a", { undo: true }), planStep("b")]);
    const run = new RecordedRun(plan, { deadlineMs: 10 });
    run.run({ type: "cmd.claim", now: run.now, node: "n", lease: "l" });
    run.settle();
    start(run, "a");
    complete(run, "a");
    run.run({ type: "cmd.pause", now: run.now, by: "b", reason: "r" });
    run.now += 10;
    run.settle();
    expect(keys(run)).toEqual(["start/a~undo/1"]);
    expect(nextWake(run.state)).toBeUndefined();
    expect(run.state.run.context.paused).toBeNull();
  });

  it("begins nothing but what undoes", () => {
    const run = undoableRun();
    expect(keys(run)).toEqual(["choose/c", "start/b/1"]);
    run.run({ type: "cmd.cancel", now: run.now, by: "b", reason: "r" });
    run.settle();
    expect(run.step("c", { type: "cmd.schedule", now: run.now })).toBe(false);
    expect(start(run, "a~undo")).toBe(true);
    complete(run, "a~undo");
    run.settle();
    expect(run.state.run.state).toBe("cancelled");
  });

  it("keeps what else is to be undone when a log undoes something that was not done", () => {
    const run = undoableRun();
    const [at, step] = [run.now, "b~undo"];
    evolve(run.state, { type: "step.scheduled", at, step });
    evolve(run.state, { type: "step.started", at, step, attempt: 1, node: "n" });
    evolve(run.state, { type: "step.completed", at, step, attempt: 1, output: { json: null } });
    expect(run.state.undoable).toEqual(["a"]);
  });
});

describe("an item", () => {
  it.each(["a[01]", "a[1e0]", "a[ 1]", "a[]", "a[-1]", "a[1.0]", "a[0x1]", "a[x]", "]", "a]"])(
    "has one name only: %s is not one",
    (id) => {
      expect(itemOf(id)).toBeUndefined();
    },
  );

  it("is found by its name", () => {
    expect(itemOf("a[1]")).toEqual({ step: "a", index: 1 });
    const run = mappedRun();
    expect(stepActor(run.state, "each[4]").state).toBe("pending");
    expect(stepActor(run.state, "each[5]").state).toBe("waiting");
    const alias: MillraceEvent = {
      type: "step.started",
      at: 1,
      step: "each[00]",
      attempt: 1,
      node: "n",
    };
    expect(() => evolve(run.state, alias)).toThrow(corrupt);
  });
});

describe("the fold", () => {
  const created = (plan: unknown): MillraceEvent => ({
    type: "run.created",
    at: 1,
    workflow: "w",
    content: "c",
    input: { json: null },
    plan,
  });
  const { policy, ...unpolicied } = planStep("a");

  it.each<readonly [string, unknown]>([
    ["nothing", {}],
    ["another kind", { kind: "tree", version: "v", retryBudget: 1 }],
    ["a graph without steps", { ...graphPlan([planStep("a")]), steps: undefined }],
    ["a graph without a result", { ...graphPlan([planStep("a")]), returns: undefined }],
    ["steps that are no steps", { ...graphPlan([planStep("a")]), steps: [null] }],
    ["a step without a policy", { ...graphPlan([planStep("a")]), steps: [unpolicied] }],
    ["a step without needs", { ...graphPlan([]), steps: [{ name: "a", policy }] }],
    ["code without a budget", { kind: "code", version: "v" }],
  ])("refuses a plan that is %s, as corrupt and not by a crash", (_what, plan) => {
    expect(() => evolve(emptyRun("r"), created(plan))).toThrow(corrupt);
  });

  it("refuses events of steps before a run begins and after it has ended", () => {
    const scheduled: MillraceEvent = { type: "step.scheduled", at: 1, step: "a" };
    expect(() => evolve(emptyRun("r"), scheduled)).toThrow(corrupt);
    const run = runOf(planStep("a"), planStep("b", { needs: ["a"] }));
    run.run({ type: "cmd.fail", now: run.now, error: { code: "E", message: "m" } });
    expect(() => evolve(run.state, { ...scheduled, step: "b" })).toThrow(corrupt);
    const skip = { type: "cmd.skip", now: run.now, reason: "r" } as const;
    expect(run.step("b", skip)).toBe(false);
  });
});
