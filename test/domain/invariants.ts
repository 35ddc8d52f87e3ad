/**
 * What holds of the log of any run, whatever happened to it: the checker's list of invariants (I3, I6,
 * I10 to I14, I17, I19), as far as the domain alone can keep them.
 */
import assert from "node:assert/strict";
import type { StepEvent } from "../../machines/step-data.ts";
import { itemOf, type Plan, type PlanStep, undoOf } from "../../src/domain/plan.ts";
import { type MillraceEvent, RUN_ENDS } from "../../src/events/vocabulary.ts";

const STEP_ENDS = new Set(["step.completed", "step.failed", "step.skipped", "step.cancelled"]);
const BEGINNINGS = new Set([
  ...["step.started", "step.mapped", "step.suspended", "child.requested"],
]);
const NOT_WHILE_PAUSED = new Set([...BEGINNINGS, "step.scheduled", "run.completed"]);

/** What the log has said of one step so far. */
interface Life {
  attempt: number;
  /** Begun and not ended; also between its attempts. */
  underway: boolean;
  running: boolean;
  ended: boolean;
  /** It failed, or was left out because it needs one that did. */
  barred: boolean;
  maxAttempts: number;
  items: number | undefined;
}

class Checker {
  readonly #declared: ReadonlyMap<string, PlanStep>;
  readonly #lives = new Map<string, Life>();
  readonly #plan: Plan;
  /** Completed steps that can be undone and have not been. */
  readonly #undoable: string[] = [];
  #retries = 0;
  #cancelling = false;
  #paused = false;
  #end = "";

  constructor(plan: Plan) {
    this.#plan = plan;
    const steps = plan.kind === "graph" ? plan.steps : [];
    this.#declared = new Map(steps.map((step) => [step.name, step]));
  }

  take(event: MillraceEvent): void {
    const ofStep = /^(step|child)\./.test(event.type);
    if (event.type.startsWith("run.") || ofStep) {
      assert.equal(this.#end, "", `I6: ${event.type} after the run's end`);
    }
    if (RUN_ENDS.has(event.type)) this.#end = event.type;
    if (event.type === "run.cancelling" || event.type === "run.compensating") {
      this.#cancelling = true;
      this.#paused = false;
    }
    if (this.#paused) assert.ok(!NOT_WHILE_PAUSED.has(event.type), `${event.type} while paused`);
    if (event.type === "run.paused") this.#paused = true;
    if (event.type === "run.resumed") this.#paused = false;
    if (ofStep) this.#takeStep(event as StepEvent);
  }

  /** At the end of a run nothing is left half done. */
  finish(): void {
    assert.notEqual(this.#end, "", "the run has come to an end");
    const undone = this.#end === "run.failed" || this.#end === "run.cancelled";
    if (undone) assert.deepEqual(this.#undoable, [], "I19: all is undone");
    for (const [id, life] of this.#lives) {
      // Whoever terminates a run does not wait for its child runs.
      if (this.#end === "run.terminated" && this.#declared.get(itemOf(id)?.step ?? id)?.child)
        continue;
      const begun = life.attempt > 0 || life.items !== undefined;
      if (begun) assert.equal(life.ended, true, `${id} was begun and never ended`);
    }
  }

  #life(id: string): Life {
    const maxAttempts = this.#step(id)?.policy.retry.maxAttempts ?? 1;
    const state = { underway: false, running: false, ended: false, barred: false };
    const fresh = { attempt: 0, ...state, maxAttempts, items: undefined };
    const life = this.#lives.get(id) ?? fresh;
    this.#lives.set(id, life);
    return life;
  }

  /** What the plan says of a step, of an item's mapped step, or of what a step undoes. */
  #step(id: string): PlanStep | undefined {
    const step = undoOf(id) ?? id;
    return this.#declared.get(itemOf(step)?.step ?? step);
  }

  #takeStep(event: StepEvent): void {
    const life = this.#life(event.step);
    assert.equal(life.ended, false, `I11: ${event.type} of ${event.step}, which has ended`);
    if (BEGINNINGS.has(event.type)) this.#checkBeginning(event.step);
    switch (event.type) {
      case "step.scheduled":
        life.maxAttempts = event.maxAttempts ?? life.maxAttempts;
        this.#checkUndo(event.step);
        break;
      case "step.mapped":
        life.items = event.count;
        break;
      case "step.started":
      case "child.requested":
        assert.equal(event.attempt, life.attempt + 1, `I10: attempts of ${event.step}`);
        assert.ok(event.attempt <= life.maxAttempts, `I17: attempts of ${event.step}`);
        life.attempt = event.attempt;
        life.underway = true;
        life.running = true;
        this.#checkConcurrency(event.step);
        this.#checkBound();
        break;
      case "step.retrying":
        assert.equal(event.attempt, life.attempt, `I12: who retries ${event.step}`);
        assert.ok(event.retryAt >= event.at, `I17: backoff of ${event.step}`);
        life.running = false;
        assert.ok(++this.#retries <= this.#plan.retryBudget, "I17: the run's budget of retries");
        break;
      case "step.rescheduled":
        life.maxAttempts = event.maxAttempts;
        life.underway = false;
        life.running = false;
        this.#checkBeginning(event.step);
        break;
      case "step.held":
        life.running = false;
        assert.equal(event.attempt, life.attempt, `I12: who holds ${event.step}`);
        break;
      case "step.completed":
      case "step.failed":
        assert.equal(event.attempt, life.attempt, `I12, I13: who ends ${event.step}`);
        break;
    }
    if (!STEP_ENDS.has(event.type)) return;
    life.ended = true;
    life.underway = false;
    life.running = false;
    const needs = this.#declared.get(event.step)?.needs ?? [];
    const lacks = !("output" in event);
    life.barred =
      event.type === "step.failed" || (lacks && needs.some((need) => this.#life(need).barred));
    const undone = undoOf(event.step);
    // What a child run did may have been done while something else was being undone.
    if (undone !== undefined) this.#undoable.splice(this.#undoable.lastIndexOf(undone), 1);
    else if (event.type === "step.completed" && this.#step(event.step)?.undo) {
      if (life.items === undefined) this.#undoable.push(event.step);
    }
  }

  #checkUndo(id: string): void {
    const undone = undoOf(id);
    if (undone === undefined) return;
    assert.equal(undone, this.#undoable.at(-1), "I19: the last completed is undone first");
  }

  #checkBeginning(id: string): void {
    if (undoOf(id) !== undefined) return;
    assert.equal(this.#cancelling, false, `I17: ${id} begins in a run that is being cancelled`);
    const item = itemOf(id);
    if (item !== undefined) {
      const parent = this.#life(item.step);
      assert.ok(item.index < (parent.items ?? 0), `${id} is an item of its list`);
      assert.equal(parent.ended, false, `${id} begins after its mapped step has ended`);
      return;
    }
    for (const need of this.#declared.get(id)?.needs ?? []) {
      assert.equal(this.#life(need).ended, true, `I14: ${id} begins before ${need} has ended`);
      assert.equal(this.#life(need).barred, false, `I14: ${id} begins though ${need} failed`);
    }
  }

  #checkBound(): void {
    const running = [...this.#lives.values()].filter((life) => life.running).length;
    assert.ok(running <= (this.#plan.concurrency ?? running), "I17: steps of the run at once");
  }

  /** An item keeps its place while it waits for its next attempt. */
  #checkConcurrency(id: string): void {
    const item = itemOf(id);
    const step = item === undefined ? undefined : this.#declared.get(item.step);
    if (item === undefined || step?.concurrency === undefined) return;
    let underway = 0;
    for (const [other, life] of this.#lives) {
      if (life.underway && itemOf(other)?.step === item.step) underway++;
    }
    assert.ok(underway <= step.concurrency, `items of ${item.step} at once`);
  }
}

/** Checks a log; `ended`: the run must also have come to its end. */
export function checkLog(plan: Plan, events: readonly MillraceEvent[], ended: boolean): void {
  const checker = new Checker(plan);
  for (const event of events) checker.take(event);
  if (ended) checker.finish();
}
