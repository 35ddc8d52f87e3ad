/**
 * Approvals: which decision counts, and what an approval has come to. Pure. Of all that may end one
 * (decisions, the deadline) exactly one does; the log has it as `wait.matched` or `wait.expired`.
 */
import { type AskedApproval, type Decision, mayDecide } from "../../machines/approval.ts";
import type { RunCommand } from "../../machines/run-data.ts";
import type { Failure } from "../../machines/values.ts";
import { type RunState, stepActor, stepTable } from "./state.ts";

/** What an approval has come to. */
export interface Approval {
  readonly approved: boolean;
  /** Who decided; null: nobody did in time. */
  readonly by: string | null;
  readonly comment: string | null;
  /** When the decision was taken, or the deadline (ms since the epoch). */
  readonly at: number;
  readonly timedOut: boolean;
}

/** How an approval ended: a failure when it must fail without a decision. */
export type ApprovalOutcome = { readonly approval: Approval } | { readonly error: Failure };

/** What an approval that has ended came to. */
export function approvalOf(state: RunState, wait: string): ApprovalOutcome {
  const { approvals, waited, signals, taken } = state.run.context;
  const asked = approvals[wait] as AskedApproval;
  const signal = signals[taken[waited[wait] ?? ""] ?? -1];
  if (signal?.decision !== undefined) {
    const { approved, by, comment = null } = signal.decision;
    return { approval: { approved, by, comment, at: signal.at, timedOut: false } };
  }
  const at = asked.due ?? asked.since;
  if (asked.onTimeout === "fail") {
    return { error: { code: "E_TIMEOUT", message: `nobody decided approval ${wait} in time` } };
  }
  const approved = asked.onTimeout === "approve";
  return { approval: { approved, by: null, comment: null, at, timedOut: true } };
}

/**
 * What becomes of a decision that has neither been taken nor refused: it ends its approval, or does not
 * count. Undefined: it is kept, because its approval may still be asked for.
 */
export function judge(state: RunState, id: string, now: number): RunCommand | undefined {
  const { signals, taken } = state.run.context;
  const signal = signals[taken[id] ?? -1];
  if (signal?.decision === undefined) return undefined;
  const reason = objectionTo(state, signal.name, signal.decision);
  if (reason !== undefined) return { type: "cmd.refuse_signal", now, signal: id, reason };
  const isAsked = state.run.context.waits[signal.name]?.approval !== undefined;
  return isAsked ? { type: "cmd.match_wait", now, wait: signal.name, signal: id } : undefined;
}

/** Why a decision about the approval of that name does not count; undefined: it does, or may. */
export function objectionTo(state: RunState, name: string, decision: Decision): string | undefined {
  const { waits, waited, approvals } = state.run.context;
  if (Object.hasOwn(waits, name)) {
    const { approval } = waits[name] ?? {};
    if (approval === undefined) return `${name} waits for a signal, not for a decision`;
    if (mayDecide(approval, decision)) return undefined;
    return `${decision.by} is not among the approvers of ${name}: ${approval.approvers?.join(", ")}`;
  }
  if (Object.hasOwn(waited, name)) {
    return Object.hasOwn(approvals, name) ? endedHow(state, name) : `${name} is no approval`;
  }
  if (state.graph === undefined) return undefined;
  if (state.graph.steps.get(name)?.wait?.kind !== "approval") return `${name} is no approval`;
  const step = stepActor(state, name);
  return stepTable.finals.has(step.state) ? `step ${name} was ${step.state}` : undefined;
}

function endedHow(state: RunState, wait: string): string {
  const { waited, signals, taken } = state.run.context;
  const decision = signals[taken[waited[wait] ?? ""] ?? -1]?.decision;
  if (decision === undefined) return `approval ${wait} was over: nobody had decided it in time`;
  return `approval ${wait} was ${decision.approved ? "approved" : "rejected"} by ${decision.by} before`;
}
