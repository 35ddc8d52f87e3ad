// How fast a long run folds. The numbers are printed, never asserted: they are the machine's.
import { expect, it } from "vitest";
import { evolve } from "../../src/domain/evolve.ts";
import { emptyRun } from "../../src/domain/state.ts";
import type { MillraceEvent } from "../../src/events/vocabulary.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { codePlan, graphPlan, planStep } from "./plans.ts";

const EVENTS = 100_000;
const at = 1;
const json = { json: null };
const claimed: MillraceEvent = { type: "run.claimed", at, epoch: 1, node: "n", lease: "l" };
const created = (plan: unknown): MillraceEvent => ({
  type: "run.created",
  at,
  workflow: "w",
  content: "c",
  input: json,
  plan,
});

function* steps(): Generator<MillraceEvent> {
  yield created(codePlan());
  for (let n = 0; ; n++) {
    const step = `s${n}`;
    yield { type: "step.scheduled", at, step, maxAttempts: 1 };
    yield { type: "step.started", at, step, attempt: 1, node: "n" };
    yield { type: "step.completed", at, step, attempt: 1, output: json };
  }
}

function* items(): Generator<MillraceEvent> {
  yield created(graphPlan([planStep("list"), planStep("each", { over: "list" })]));
  for (const step of ["list", "each"]) yield { type: "step.scheduled", at, step };
  yield { type: "step.started", at, step: "list", attempt: 1, node: "n" };
  yield { type: "step.completed", at, step: "list", attempt: 1, output: json };
  yield { type: "step.mapped", at, step: "each", count: EVENTS };
  for (let n = 0; ; n++) {
    const step = `each[${n}]`;
    yield { type: "step.started", at, step, attempt: 1, node: "n" };
    yield { type: "step.completed", at, step, attempt: 1, output: json };
  }
}

function* signals(): Generator<MillraceEvent> {
  yield created(codePlan());
  for (let n = 0; ; n++) {
    yield { type: "signal.received", at, signal: `i${n}`, name: "n", payload: json };
  }
}

function* timers(): Generator<MillraceEvent> {
  yield created(codePlan());
  yield claimed;
  for (let n = 0; ; n++) {
    yield { type: "timer.set", at, timer: `t${n}`, due: 1 };
    yield { type: "timer.fired", at, timer: `t${n}` };
  }
}

function take(events: Iterator<MillraceEvent>, count: number): MillraceEvent[] {
  return Array.from({ length: count }, () => events.next().value as MillraceEvent);
}

it.each([
  ["steps", steps],
  ["items of one mapped step", items],
  ["signals", signals],
  ["timers", timers],
])("folds a run of 100,000 events: %s", (what, generate) => {
  const log = take(generate(), EVENTS);
  const clock = systemClock();
  const begun = clock.mono();
  const state = emptyRun("r");
  for (const event of log) evolve(state, event);
  const ms = clock.mono() - begun;
  expect(state.cursor.seq).toBe(EVENTS);
  console.log(`fold: ${EVENTS} events (${what}) in ${ms.toFixed(0)} ms`);
});
