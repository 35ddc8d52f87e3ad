/**
 * Steps of a graph that run no code of their own but wait: for a time, for a signal, for a person. What
 * they wait for is declared in the plan; what depends on the results of other steps is left to the code.
 */
import type { ApprovalRequest } from "../../machines/approval.ts";

/** What the code says once the step's needs are there, because the plan cannot. */
export type Asked = "for" | "until" | "prompt" | "approvers" | "where";

/** What a step waits for. */
export type PlanWait = { readonly asks?: readonly Asked[] } & (
  | { readonly kind: "sleep"; readonly ms?: number; readonly until?: number }
  | { readonly kind: "signal"; readonly signal: string; readonly timeoutMs?: number }
  | ({ readonly kind: "approval"; readonly timeoutMs?: number } & Partial<ApprovalRequest> &
      Pick<ApprovalRequest, "onTimeout">)
);

const KINDS: ReadonlySet<unknown> = new Set(["sleep", "signal", "approval"]);

/** Whether `raw`, read from a log, is a wait that runs are decided by. */
export const isPlanWait = (raw: unknown): boolean =>
  typeof raw === "object" && raw !== null && KINDS.has((raw as { kind?: unknown }).kind);
