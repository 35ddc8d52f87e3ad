/** What passes between the function of a code workflow and the engine, and in which words. */
import type { ApprovalRequest } from "../../machines/approval.ts";
import type { Failure } from "../../machines/values.ts";
import type { ApprovalOutcome } from "../domain/approvals.ts";
import type { StepPolicy } from "../domain/plan.ts";
import type { Json } from "../kernel/json.ts";
import type { ChildPolicy } from "./child-options.ts";
import type { StepBody, Workflow } from "./definition.ts";

/** How a step ended. `cancelled`: it was stopped from outside. */
export type StepOutcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly failure: Failure; readonly cancelled?: boolean };

/** Something that the function asked for, or may ask for, has happened. */
export type Answer =
  | { readonly kind: "step"; readonly id: string; readonly outcome: StepOutcome }
  /** `run`: the child run. */
  | {
      readonly kind: "child";
      readonly id: string;
      readonly run: string;
      readonly outcome: StepOutcome;
    }
  | { readonly kind: "children"; readonly id: string; readonly outcome: StepOutcome }
  | { readonly kind: "timer"; readonly id: string }
  /** `expired`: no signal came in time. */
  | {
      readonly kind: "wait";
      readonly id: string;
      readonly payload: unknown;
      readonly expired: boolean;
    }
  | { readonly kind: "approval"; readonly id: string; readonly outcome: ApprovalOutcome };

/** A step that the function asked for. */
export interface RequestedStep {
  readonly policy: StepPolicy;
  readonly body: StepBody;
}

/** A time that the function waits for: so many ms from now, or an instant (ms since the epoch). */
export type RequestedTimer = { readonly ms: number } | { readonly due: number };

/** A decision that the function waits for. */
export interface RequestedApproval {
  readonly request: ApprovalRequest;
  /** For so many ms; absent: for ever. */
  readonly timeoutMs?: number;
}

/** Child runs that the function asked for, one for each input. */
export interface RequestedChildren extends ChildPolicy {
  /** A definition, or the name of one that another process may have. */
  readonly workflow: Workflow | string;
  readonly inputs: readonly Json[];
  /** Id of the run of a single child. */
  readonly run?: string;
}

/** A signal that the function waits for. */
export interface RequestedWait {
  /** Name of the signal. */
  readonly name: string;
  /** Gives up after so many ms; absent: never. */
  readonly timeoutMs?: number;
  /** Takes only signals whose payload it says true to; others stay for other waits. */
  readonly where?: (payload: unknown) => boolean;
}

/** Something that the function asks for. */
export type Call =
  | ({ readonly kind: "step"; readonly id: string } & RequestedStep)
  | ({ readonly kind: "child"; readonly id: string; readonly run: string } & RequestedChildren)
  | ({
      readonly kind: "children";
      readonly id: string;
      readonly concurrency?: number;
    } & RequestedChildren)
  | ({ readonly kind: "timer"; readonly id: string } & RequestedTimer)
  | ({ readonly kind: "wait"; readonly id: string } & RequestedWait)
  | ({ readonly kind: "approval"; readonly id: string } & RequestedApproval);

/** How the function ended. */
export type SessionEnd =
  /** `next`: another run goes on, with this input. */
  | { readonly ok: true; readonly value: unknown; readonly next?: { readonly input: Json } }
  | { readonly ok: false; readonly error: unknown };

/** What an advance led to. `calls`: only new ones, beyond the recorded, in order. */
export interface Progress {
  readonly calls: readonly Call[];
  readonly end?: SessionEnd;
}

/** What the `ctx` of a function needs of its session. */
export interface ContextHost {
  /** @throws MillraceError `E_CTX_CLOSED` */
  assertOpen(): void;
  now(): number;
  historyLength(): number;
  /** Its history has come to the length at which the workflow says to go on as another run. */
  isLong(): boolean;
  request(call: Call): Promise<Answer>;
  /** Ends the function: another run goes on, with this input. */
  continueAsNew(input: Json): void;
}
