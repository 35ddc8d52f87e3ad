/**
 * The life of a run under a random scheduler: it does what the run owes, in any order, with any outcome,
 * and disturbs it in between (crashes, cancels, skips, late reports, parks). When the numbers run out it
 * calms down and does everything that is left, so every life ends.
 */
import assert from "node:assert/strict";
import { type Setback, setbackCommand, startCommand } from "../../src/domain/decide.ts";
import { type Duty, outstanding } from "../../src/domain/outstanding.ts";
import type { GraphPlan, StepPolicy } from "../../src/domain/plan.ts";
import { stopAll } from "../../src/domain/settle.ts";
import { isParked, isTerminal, planStep } from "../../src/domain/state.ts";
import { noRetry } from "./plans.ts";
import { answerWaits, openWait, sendAnswer } from "./random-waits.ts";
import { RecordedRun, type RecordedRunOptions } from "./recorded-run.ts";

/** Numbers from outside, used up one by one. */
class Choices {
  readonly #numbers: readonly number[];
  #used = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  get left(): boolean {
    return this.#used < this.#numbers.length;
  }

  /** From 0 to `n - 1`; 0 when there are no numbers left. */
  next(n: number): number {
    return (this.#numbers[this.#used++] ?? 0) % n;
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[this.next(Math.max(1, items.length))];
  }
}

const MOVES_MAX = 5_000;
const error = { code: "Error", message: "m" };
const ODD_WAITS = [undefined, 0, 7, -5, Number.NaN, Number.POSITIVE_INFINITY];

export class RandomLife {
  readonly run: RecordedRun;
  /** What this life went through, for checks that everything is gone through by some life. */
  readonly seen = new Set<string>();
  readonly #choices: Choices;

  constructor(plan: GraphPlan, numbers: readonly number[], options: RecordedRunOptions = {}) {
    this.run = new RecordedRun(plan, options);
    this.#choices = new Choices(numbers);
  }

  /** Lives to the end. */
  live(): void {
    for (let move = 0; !isTerminal(this.run.state); move++) {
      assert.ok(move < MOVES_MAX, "the run never ends");
      this.run.now += 1 + this.#choices.next(5);
      if (this.#choices.left) this.#disturb();
      else this.#doDuty(0);
      answerWaits(this.run);
      this.run.settle();
    }
    this.seen.add(this.run.state.run.state);
    for (const event of this.run.events) this.seen.add(event.type);
  }

  #disturb(): void {
    const moves = [
      () => this.#claim(),
      () => this.#cancelRun(),
      () => this.#endStep(),
      () => this.#operate(),
      () => this.#lateReport(),
      () => this.#signal(),
      () => this.#park(),
      () => this.#pause(),
    ];
    // Twice as often something that the run owes.
    const move = moves[this.#choices.next(moves.length * 3)];
    if (move === undefined) this.#doDuty(this.#choices.next(50));
    else move();
  }

  /** A process takes the run over: whatever was running is lost. */
  #claim(): void {
    const { run } = this;
    assert.ok(run.run({ type: "cmd.claim", now: run.now, node: "n", lease: "l" }));
    for (const step of [...run.state.running]) this.#setback(step, "lost");
  }

  #cancelRun(): void {
    if (this.#choices.next(4) > 0) return;
    const { state, now } = this.run;
    if (this.#choices.next(4) === 0) {
      this.#terminate();
      return;
    }
    const until = now + this.#choices.next(40);
    const sooner = until < (state.run.context.cancelUntil ?? 0);
    const able = state.run.state === "cancelling" ? sooner : state.run.state !== "compensating";
    assert.equal(this.run.run({ type: "cmd.cancel", now, by: "b", reason: "r", until }), able);
  }

  #terminate(): void {
    const { state, now } = this.run;
    this.run.add(stopAll(state, now, "terminated"));
    assert.ok(this.run.run({ type: "cmd.terminate", now, by: "b", reason: "r" }));
  }

  /** Somebody skips or cancels a step, whether or not its turn has come. */
  #endStep(): void {
    const { state, now } = this.run;
    const known = [...(state.graph?.steps.keys() ?? []), ...state.pending, ...state.steps.keys()];
    const step = this.#choices.pick(known) ?? "";
    const type = this.#choices.next(2) === 0 ? "cmd.cancel" : "cmd.skip";
    if (this.run.step(step, { type, now, reason: "from outside" })) this.seen.add(type);
  }

  /** Somebody says what becomes of a step that is held, or that takes too long. */
  #operate(): void {
    const { state, now } = this.run;
    const { held, retrying, running } = state;
    const told = { now, by: "b", reason: "r" };
    const step = this.#choices.pick(held.size > 0 ? [...held] : [...retrying, ...running]);
    if (step === undefined) return;
    const orders = [
      { type: "cmd.retry", ...told, attempts: 1 + this.#choices.next(2) },
      { type: "cmd.skip", ...told, output: { json: "instead" } },
      { type: "cmd.give_up", ...told },
    ] as const;
    const order = orders[this.#choices.next(orders.length)];
    if (order !== undefined && this.run.step(step, order)) this.seen.add(order.type);
  }

  /** The report of another attempt than the one under way: refused, and nothing changes. */
  #lateReport(): void {
    const { state, now } = this.run;
    const step = this.#choices.pick([...state.steps.keys()]) ?? "s0";
    const actual = state.steps.get(step)?.context.attempt ?? 0;
    const attempt = actual + (this.#choices.next(2) === 0 ? 1 : -1);
    const output = { json: "late" };
    assert.equal(this.run.step(step, { type: "cmd.complete", now, attempt, output }), false);
    const retry = this.#choices.next(2) === 0;
    const failed = { type: "cmd.fail", now, attempt, error, retry, retryAt: now } as const;
    assert.equal(this.run.step(step, failed), false);
    this.seen.add("late report");
  }

  #signal(): void {
    const { run } = this;
    const signal = `i${this.#choices.next(6)}`;
    const known = Object.hasOwn(run.state.run.context.taken, signal);
    const decides = this.#choices.next(2) === 0;
    const by = this.#choices.next(2) === 0 ? "b" : "mallory";
    const command = decides
      ? {
          name: `s${this.#choices.next(4)}`,
          decision: { approved: this.#choices.next(2) === 0, by },
        }
      : { name: "n" };
    const payload = { json: 1 };
    assert.equal(
      run.run({ type: "cmd.signal", now: run.now, signal, payload, ...command }),
      !known,
    );
    run.add([{ type: "user.noted", at: run.now, name: "n", payload: { json: 1 } }]);
  }

  #park(): void {
    const { state, now } = this.run;
    const { running, pending, requested, stopping } = state;
    const busy = running.size + pending.size + requested.size + stopping.size;
    const able = ["running", "compensating"].includes(state.run.state) && !isParked(state);
    if (!able || busy > 0) return;
    assert.ok(this.run.run({ type: "cmd.park", now, reason: "r", until: null }));
  }

  /** Pauses a run, or lets it go on. */
  #pause(): void {
    const { state, now } = this.run;
    const { paused } = state.run.context;
    const type = paused === null ? "cmd.pause" : "cmd.resume";
    const able = ["pending", "running", "parked"].includes(state.run.state);
    assert.equal(this.run.run({ type, now, by: "b", reason: "r" }), able);
  }

  #doDuty(which: number): void {
    const { state, now } = this.run;
    if (state.run.state === "pending" || isParked(state)) {
      this.#claim();
      return;
    }
    if (state.run.context.paused !== null) {
      this.#pause();
      return;
    }
    const duties = [...outstanding(state, now)];
    // Calm: time passes only when there is nothing else to do.
    const wake = duties.find((duty) => duty.kind === "wake");
    const others = duties.filter((duty) => duty.kind !== "wake");
    const duty = others[which % Math.max(1, others.length)] ?? wake;
    if (duty !== undefined) this.#do(duty);
    else if (state.held.size > 0) this.#operate();
    else sendAnswer(this.run);
  }

  #do(duty: Duty): void {
    const { run } = this;
    const { now } = run;
    switch (duty.kind) {
      case "request":
        this.#request(duty.step);
        break;
      case "child":
      case "stop":
        assert.ok(run.step(duty.step, { type: "cmd.confirm", now }));
        break;
      case "await":
        this.#report(duty.step);
        break;
      case "continue":
      case "tell":
        throw new Error("a run that has not ended owes nothing for its end");
      case "wake":
        run.now = Math.max(now, duty.at);
        break;
      case "start":
        assert.ok(run.step(duty.step, startCommand("n", this.#policy(duty.step), now)));
        break;
      case "choose":
        this.#choose(duty.step);
        break;
      case "map":
        this.#map(duty.step);
        break;
      case "open":
        openWait(run, duty.step);
        break;
      case "report":
        this.#report(duty.step);
        break;
    }
  }

  #choose(step: string): void {
    const { now } = this.run;
    const skip = this.#choices.next(3) === 2;
    const wait = this.#policy(step).scheduleToStartMs;
    const startBy = wait === undefined ? {} : { startBy: now + wait };
    const command = skip
      ? ({ type: "cmd.skip", now, reason: "its condition is false" } as const)
      : ({ type: "cmd.schedule", now, ...startBy } as const);
    assert.ok(this.run.step(step, command));
  }

  #request(step: string): void {
    const { now, state } = this.run;
    const onParentClose = planStep(state, step)?.child?.onParentClose ?? "cancel";
    const more = this.#choices.next(3) === 2 ? { endBy: now + 20 } : {};
    const input = { json: step };
    const child = { childRun: `r-${step}`, childWorkflow: "w", input, onParentClose };
    assert.ok(this.run.step(step, { type: "cmd.request", now, ...child, ...more }));
  }

  #map(step: string): void {
    const { now } = this.run;
    const failed = {
      type: "cmd.fail",
      now,
      attempt: 0,
      error,
      retry: false,
      retryAt: now,
    } as const;
    const mapped = { type: "cmd.map", now, count: this.#choices.next(5) } as const;
    assert.ok(this.run.step(step, this.#choices.next(8) === 7 ? failed : mapped));
  }

  #report(step: string): void {
    const { state, now } = this.run;
    const outcome = this.#choices.next(6);
    if (outcome === 5) this.#setback(step, "never");
    else if (outcome >= 3) this.#setback(step, "policy");
    else {
      const attempt = state.steps.get(step)?.context.attempt ?? 0;
      const output = { json: step };
      assert.ok(this.run.step(step, { type: "cmd.complete", now, attempt, output }));
    }
  }

  #setback(step: string, retry: Setback["retry"]): void {
    const { state, now } = this.run;
    const attempt = state.steps.get(step)?.context.attempt ?? 0;
    const afterMs = this.#choices.pick(ODD_WAITS);
    const setback = { attempt, error, retry, afterMs, random: this.#choices.next(10) / 10 };
    const { retry: policy } = this.#policy(step);
    assert.ok(this.run.step(step, setbackCommand(state, policy, setback, now)));
    this.seen.add(`setback ${retry}`);
  }

  #policy(step: string): StepPolicy {
    return planStep(this.run.state, step)?.policy ?? { retry: noRetry };
  }
}
