/** What the engine does with waits, for lives without one: opens them, and answers those that code chooses for. */
import assert from "node:assert/strict";
import { planStep } from "../../src/domain/state.ts";
import type { RecordedRun } from "./recorded-run.ts";

/** Opens what the step waits for. */
export function openWait(run: RecordedRun, step: string): void {
  const { now, state } = run;
  const wait = planStep(state, step)?.wait;
  assert.ok(run.step(step, { type: "cmd.suspend", now }));
  if (wait?.kind === "sleep") {
    const due = now + (wait.ms ?? 0);
    assert.ok(run.run({ type: "cmd.set_timer", now, timer: step, due }));
  } else if (wait !== undefined) {
    const due = wait.timeoutMs === undefined ? null : now + wait.timeoutMs;
    const { name, approval } =
      wait.kind === "signal"
        ? { name: wait.signal, approval: undefined }
        : { name: step, approval: { prompt: "p", ...approvalOf(wait) } };
    const command = { type: "cmd.open_wait", now, wait: step, name, due } as const;
    assert.ok(run.run(approval === undefined ? command : { ...command, approval }));
  }
}

const approvalOf = ({
  approvers = [],
  onTimeout,
}: {
  readonly approvers?: readonly string[];
  readonly onTimeout: "reject" | "approve" | "fail";
}) => ({ approvers, onTimeout });

/** Fires what is due, gives waits for signals what came for them, and ends those whose time is over. */
export function answerWaits(run: RecordedRun): void {
  const { now } = run;
  const { state, context } = run.state.run;
  if (state !== "running" || context.paused !== null) return;
  for (const [timer, { due }] of Object.entries(context.timers)) {
    assert.equal(run.run({ type: "cmd.fire_timer", now, timer }), due <= now);
  }
  for (const [wait, { name, due, approval }] of Object.entries(context.waits)) {
    if (approval !== undefined) continue;
    const signal = context.signals.find(
      (one) => one.name === name && one.takenBy === null && one.decision === undefined,
    );
    if (signal !== undefined) {
      assert.ok(run.run({ type: "cmd.match_wait", now, wait, signal: signal.id }));
    } else if (due !== null && due <= now) {
      assert.ok(run.run({ type: "cmd.expire_wait", now, wait }));
    }
  }
}

/** Nothing else can happen: somebody answers one of the waits. */
export function sendAnswer(run: RecordedRun): void {
  const { now } = run;
  const { waits, signals } = run.state.run.context;
  const [open] = Object.values(waits);
  assert.ok(open !== undefined, "a running run owes something, or waits for somebody");
  const signal = `answer-${signals.length}`;
  const { name, approval } = open;
  const decision = approval === undefined ? {} : { decision: { approved: true, by: "b" } };
  const payload = { json: "answer" };
  assert.ok(run.run({ type: "cmd.signal", now, signal, name, payload, ...decision }));
}
