/** What exactly a step of a graph waits for, once its needs are there: its plan, and what its code adds. */
import type { ApprovalRequest } from "../../machines/approval.ts";
import type { PlanStep } from "../domain/plan.ts";
import { anyInstantMs } from "../kernel/instant.ts";
import { readApprovers, readPrompt } from "./approval-options.ts";
import type { WaitBody } from "./definition.ts";
import { checkDuration } from "./options.ts";

/** A timer to set, or a wait to open. */
export type Opening =
  | { readonly kind: "timer"; readonly due: number }
  | {
      readonly kind: "wait";
      readonly name: string;
      readonly due: number | null;
      readonly approval?: ApprovalRequest;
    };

/**
 * What the step waits for from `now` on.
 * @param input what the step gets; only asked for when the code has a say
 * @throws MillraceError `E_DEF_INVALID`, `E_OPTION_INVALID`; whatever the code throws
 */
export async function openingOf(
  step: PlanStep,
  body: WaitBody | undefined,
  now: number,
  input: () => Promise<unknown>,
): Promise<Opening> {
  const { name, wait } = step;
  const what = `step ${name}`;
  const asks = body?.asks ?? {};
  const given = Object.keys(asks).length === 0 ? undefined : await input();
  if (wait?.kind === "sleep") {
    if (asks.for !== undefined) return timer(now + checkDuration(`${what}: for`, asks.for(given)));
    if (asks.until !== undefined) return timer(anyInstantMs(`${what}: until`, asks.until(given)));
    return timer(wait.until ?? now + (wait.ms ?? 0));
  }
  const due = wait?.timeoutMs === undefined ? null : now + wait.timeoutMs;
  if (wait?.kind === "signal") return { kind: "wait", name: wait.signal, due };
  if (wait?.kind !== "approval") throw new Error(`${what} waits for nothing`);
  const approvers = asks.approvers === undefined ? wait.approvers : asks.approvers(given);
  const approval: ApprovalRequest = {
    prompt: readPrompt(what, asks.prompt === undefined ? wait.prompt : asks.prompt(given)),
    ...(approvers === undefined ? {} : { approvers: readApprovers(what, approvers) }),
    onTimeout: wait.onTimeout,
  };
  return { kind: "wait", name, due, approval };
}

const timer = (due: number): Opening => ({ kind: "timer", due });
