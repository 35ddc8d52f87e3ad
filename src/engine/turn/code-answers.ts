/** What the function of a code workflow is told: recorded events as answers to what it asked for. */
import { approvalOf } from "../../domain/approvals.ts";
import { type RunState, stepActor } from "../../domain/state.ts";
import type { Answer, StepOutcome } from "../../workflow/session.ts";
import { fromValue, handOut, type ValueSource } from "../values/values.ts";

/** The answer of this key (`RunState.answers`), as the run has it. */
export async function answerOf(source: ValueSource, state: RunState, key: string): Promise<Answer> {
  const [kind, rest] = [key.slice(0, key.indexOf(":")), key.slice(key.indexOf(":") + 1)];
  if (kind === "timer") return { kind: "timer", id: rest };
  if (kind === "approval") return { kind, id: rest, outcome: approvalOf(state, rest) };
  if (kind === "wait") {
    const { waited, signals, taken } = state.run.context;
    const signal = signals[taken[waited[rest] ?? ""] ?? -1];
    if (signal === undefined) return { kind: "wait", id: rest, payload: undefined, expired: true };
    const payload = handOut(await fromValue(source, signal.payload, state));
    return { kind: "wait", id: rest, payload, expired: false };
  }
  const outcome = await outcomeOf(source, state, rest);
  if (kind === "children") return { kind, id: rest, outcome };
  if (kind === "child") {
    const { run = "" } = stepActor(state, rest).context.child ?? {};
    return { kind, id: rest, run, outcome };
  }
  return { kind: "step", id: rest, outcome };
}

async function outcomeOf(source: ValueSource, state: RunState, step: string): Promise<StepOutcome> {
  const { output, error, reason } = stepActor(state, step).context;
  if (output !== null) return { ok: true, value: handOut(await fromValue(source, output, state)) };
  const failure = error ?? { code: "E_RUN_CANCELLED", message: reason ?? "cancelled" };
  return { ok: false, failure, cancelled: error === null };
}
