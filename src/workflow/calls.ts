/** What passes between the function of a code workflow and the engine, and in which words. */
import type { Failure } from "../../machines/values.ts";
import type { StepPolicy } from "../domain/plan.ts";
import type { StepBody } from "./definition.ts";

/** How a step ended. `cancelled`: it was stopped from outside. */
export type StepOutcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly failure: Failure; readonly cancelled?: boolean };

/** Something that the function asked for, or may ask for, has happened. */
export type Answer =
  | { readonly kind: "step"; readonly id: string; readonly outcome: StepOutcome }
  | { readonly kind: "timer"; readonly id: string }
  /** `expired`: no signal came in time. */
  | {
      readonly kind: "wait";
      readonly id: string;
      readonly payload: unknown;
      readonly expired: boolean;
    };

/** A step that the function asked for. */
export interface RequestedStep {
  readonly policy: StepPolicy;
  readonly body: StepBody;
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
  | { readonly kind: "timer"; readonly id: string; readonly ms: number }
  | ({ readonly kind: "wait"; readonly id: string } & RequestedWait);

/** How the function ended. */
export type SessionEnd =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown };

/** What an advance led to. `calls`: only new ones, beyond the recorded, in order. */
export interface Progress {
  readonly calls: readonly Call[];
  readonly end?: SessionEnd;
}
