/** What a run waits for from outside: times, signals, people. */
import type { OpenWait } from "../../machines/run-data.ts";
import { afterStep } from "./explain-steps.ts";
import { planStep, type RunState } from "./state.ts";
import { type KeptSignal, some, type Wait } from "./wait.ts";

/** A wait that only the clock ends. */
export const timeWait = (what: string, since: number, until: number): Omit<Wait, "next"> => ({
  kind: "timer",
  what,
  since,
  until,
  by: "the clock",
});

/** Timers, then signals and approvals, of steps and of the workflow's function. */
export function* outsideWaits(state: RunState): Generator<Wait> {
  const { timers, waits } = state.run.context;
  yield* some(Object.entries(timers), ([timer, { since, due }]) => ({
    ...timeWait(`sleeps (${timer})`, since, due),
    ...ofStep(state, timer),
  }));
  yield* some(Object.entries(waits), ([wait, open]) => ({
    ...(open.approval === undefined ? signalWait(state, open) : approvalWait(state, wait, open)),
    ...ofStep(state, wait),
  }));
}

/** Signals that came and that nothing waits for yet; what was refused waits for nothing. */
export function* keptSignals({ run: { context } }: RunState): Generator<KeptSignal> {
  for (const { id: signal, name, at: since, decision, takenBy, refused } of context.signals) {
    if (takenBy !== null || refused) continue;
    if (decision === undefined) yield { signal, name, since };
    else {
      const { approved, by } = decision;
      yield { signal, name, since, decision: { approved, by } };
    }
  }
}

/** In a graph, what is waited for is a step of the same name. */
function ofStep(state: RunState, id: string): Pick<Wait, "step" | "next"> {
  return planStep(state, id) === undefined
    ? { next: "its function goes on" }
    : { step: id, next: afterStep(state, id) };
}

function signalWait({ id, run }: RunState, { name, since, due }: OpenWait): Omit<Wait, "next"> {
  const others = run.context.signals.some(
    (signal) => signal.name === name && signal.takenBy === null && !signal.refused,
  );
  const what = `waits for signal ${name}${others ? "; those that came are not what it takes" : ""}`;
  const by = `\`millrace signal ${id} ${name}\``;
  return { kind: "signal", what, since, until: due, by };
}

function approvalWait(
  { id }: RunState,
  wait: string,
  { since, due, approval }: OpenWait,
): Omit<Wait, "next"> {
  const { prompt = "", approvers, onTimeout } = approval ?? {};
  const late = due === null ? "" : `; nobody in time means ${onTimeout}`;
  const who = approvers === undefined ? "anybody" : approvers.join(" or ") || "nobody";
  return {
    kind: "approval",
    what: `waits for a decision (${wait}): ${prompt}${late}`,
    since,
    until: due,
    by: `${who}: \`millrace approve ${id} ${wait}\` or \`reject\``,
  };
}
