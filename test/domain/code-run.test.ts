// Runs of code: what the function asked for and was answered is recorded in order, each answer once.
import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { setbackCommand, startCommand } from "../../src/domain/decide.ts";
import { nextWake, outstanding } from "../../src/domain/outstanding.ts";
import { settle, stopAll } from "../../src/domain/settle.ts";
import { checkLog } from "./invariants.ts";
import { codePlan, noRetry } from "./plans.ts";
import { RecordedRun } from "./recorded-run.ts";

const MOVES = [
  ...(["wait", "match", "expire"] as const),
  ...(["step", "startBy", "sleep", "signal"] as const),
  ...(["start", "done", "fail", "lose", "fire", "start", "done"] as const),
];
type Move = (typeof MOVES)[number];
const error = { code: "Error", message: "m" };
const retry = { ...noRetry, maxAttempts: 2, initialMs: 5, maxMs: 5 };

const pick = (items: Iterable<string>, number: number): string | undefined => {
  const all = [...items];
  return all[number % Math.max(1, all.length)];
};

/** Asks for something, does what the run owes, or lets time pass. */
function play(run: RecordedRun, move: Move, number: number): void {
  const { state, now } = run;
  const name = ["a", "b", "c", "constructor", "0"][number % 5] ?? "a";
  switch (move) {
    case "step":
      run.step(name, { type: "cmd.schedule", now, maxAttempts: 2 });
      break;
    case "startBy":
      run.step(name, { type: "cmd.schedule", now, maxAttempts: 1, startBy: now + (number % 9) });
      break;
    case "sleep":
      run.run({ type: "cmd.set_timer", now, timer: name, due: now + (number % 20) });
      break;
    case "signal":
      run.run({ type: "cmd.signal", now, signal: name, name: "n", payload: { json: number } });
      break;
    case "wait": {
      const due = number % 3 === 0 ? now + (number % 20) : null;
      run.run({ type: "cmd.open_wait", now, wait: name, name: "n", due });
      break;
    }
    case "match": {
      const { signals, waits } = state.run.context;
      const [wait] = Object.keys(waits);
      const signal = signals.find(({ takenBy }) => takenBy === null);
      if (wait !== undefined && signal !== undefined) {
        assert.ok(run.run({ type: "cmd.match_wait", now, wait, signal: signal.id }));
      }
      break;
    }
    case "expire":
      for (const [wait, { due }] of Object.entries(state.run.context.waits)) {
        const late = due !== null && due <= now;
        assert.equal(run.run({ type: "cmd.expire_wait", now, wait }), late);
      }
      break;
    case "start": {
      const duties = [...outstanding(state, now)].filter(({ kind }) => kind === "start");
      const duty = duties[number % Math.max(1, duties.length)];
      if (duty?.kind === "start") assert.ok(run.step(duty.step, startCommand("n", { retry }, now)));
      break;
    }
    case "done": {
      const step = pick(state.running, number);
      const attempt = state.steps.get(step ?? "")?.context.attempt ?? 0;
      const output = { json: step };
      if (step) assert.ok(run.step(step, { type: "cmd.complete", now, attempt, output }));
      break;
    }
    case "fail":
    case "lose": {
      const step = pick(state.running, number);
      const attempt = state.steps.get(step ?? "")?.context.attempt ?? 0;
      const how = move === "lose" ? "lost" : "policy";
      const setback = { attempt, error, retry: how, random: 0 } as const;
      if (step) assert.ok(run.step(step, setbackCommand(state, retry, setback, now)));
      break;
    }
    case "fire":
      for (const timer of Object.keys(state.run.context.timers)) {
        const due = (state.run.context.timers[timer]?.due ?? 0) <= now;
        assert.equal(run.run({ type: "cmd.fire_timer", now, timer }), due);
      }
  }
}

const lives = fc.array(fc.tuple(fc.constantFrom(...MOVES), fc.nat(1_000)), {
  maxLength: 80,
  size: "max",
});

describe("a run of code under a random scheduler", () => {
  it("keeps the invariants, and what it was told in order, each thing once", () => {
    const seen = new Set<string>();
    const property = fc.property(lives, fc.boolean(), (moves, cancelled) => {
      const run = new RecordedRun(codePlan(3), { refold: moves.length < 30 });
      run.run({ type: "cmd.claim", now: run.now, node: "n", lease: "l" });
      for (const [move, number] of moves) {
        run.now += number % 4;
        play(run, move, number);
        run.settle();
      }
      checkConversation(run);
      end(run, cancelled);
      checkLog(run.plan, run.events, true);
      for (const { type } of run.events) seen.add(type);
    });
    fc.assert(property, { numRuns: 200 });
    for (const type of [
      ...["timer.fired", "step.retrying", "signal.received", "step.failed"],
      ...["wait.opened", "wait.matched", "wait.expired"],
    ]) {
      expect(seen, type).toContain(type);
    }
  });
});

/** What the function said and heard is what the log says, in the log's order. */
function checkConversation({ events, state }: RecordedRun): void {
  const calls: string[] = [];
  const answers: { key: string; at: number; seq: number }[] = [];
  const taken: string[] = [];
  const due = new Map<string, number>();
  for (const [index, event] of events.entries()) {
    const { type, at } = event;
    const seq = index + 1;
    if (type === "step.scheduled") calls.push(`step:${event.step}`);
    else if (type === "timer.set") {
      calls.push(`timer:${event.timer}`);
      due.set(event.timer, event.due);
    } else if (type === "timer.fired") {
      assert.ok(at >= (due.get(event.timer) ?? Infinity), "I20: not before it is due");
      answers.push({ key: `timer:${event.timer}`, at, seq });
    } else if (type === "wait.opened") calls.push(`wait:${event.wait}`);
    else if (type === "wait.matched" || type === "wait.expired") {
      answers.push({ key: `wait:${event.wait}`, at, seq });
      if (type === "wait.matched") taken.push(event.signal);
    } else if (type === "step.completed" || type === "step.failed") {
      answers.push({ key: `step:${event.step}`, at, seq });
    }
  }
  assert.deepEqual(state.calls, calls);
  assert.deepEqual(state.answers, answers);
  assert.equal(new Set(calls).size, calls.length, "each thing is asked for once");
  assert.equal(new Set(answers.map(({ key }) => key)).size, answers.length, "I20, I21");
  assert.equal(new Set(taken).size, taken.length, "I21: a signal answers one wait");
  const ids = events.flatMap((event) => (event.type === "signal.received" ? [event.signal] : []));
  assert.equal(new Set(ids).size, ids.length, "I21: a signal is taken once");
}

/** The function returns, or somebody cancels: either way its steps are stopped first. */
function end(run: RecordedRun, cancelled: boolean): void {
  const { now } = run;
  if (cancelled) {
    assert.ok(run.run({ type: "cmd.cancel", now, by: "b", reason: "r" }));
    run.settle();
    assert.equal(run.state.run.state, "cancelled");
    return;
  }
  run.add(stopAll(run.state, now, "the function has ended"));
  assert.deepEqual(
    [...outstanding(run.state, now)].filter(({ kind }) => kind !== "wake"),
    [],
  );
  assert.ok(run.run({ type: "cmd.complete", now, output: { json: null } }));
  assert.deepEqual(settle(run.state, now), []);
  assert.equal(nextWake(run.state), undefined);
}

describe("nextWake", () => {
  it("is the earliest of timers, retries and times to start by", () => {
    const run = new RecordedRun(codePlan());
    const now = run.now;
    run.run({ type: "cmd.claim", now, node: "n", lease: "l" });
    expect(nextWake(run.state)).toBeUndefined();
    run.run({ type: "cmd.set_timer", now, timer: "t", due: now + 30 });
    expect(nextWake(run.state)).toBe(now + 30);
    run.step("a", { type: "cmd.schedule", now, maxAttempts: 2, startBy: now + 20 });
    expect(nextWake(run.state)).toBe(now + 20);
    run.step("a", startCommand("n", { retry }, now));
    expect(nextWake(run.state)).toBe(now + 30);
    const setback = { attempt: 1, error, retry: "policy", random: 0 } as const;
    run.step("a", setbackCommand(run.state, retry, setback, now));
    expect(nextWake(run.state)).toBe(now + 5);
  });
});
