/** What forks are asked for with. */
import type { Decision } from "../../../machines/approval.ts";
import type { Workflow } from "../../workflow/definition.ts";

/** What a fork is to have otherwise than the run that it branches off. */
export interface ForkOptions {
  /** The fork's id. The same id with the same fork again is the same run. @default a new one */
  readonly id?: string;
  /**
   * The last event that it takes over. @default right before the completion of the steps in `results`,
   * or before the receipt of `signal`; one of the three must be given
   */
  readonly seq?: number;
  /** @default that of the run */
  readonly input?: unknown;
  /** A signal that the fork has received; what answers an approval carries a decision. */
  readonly signal?: ForkSignal;
  /** What steps returned that were about to run, or running, at that point. */
  readonly results?: Readonly<Record<string, unknown>>;
  /** Other code: the definition of the same workflow. @default the plan that the run has */
  readonly workflow?: Workflow;
  /** Steps that were declared as irreversible may be done again. @default false */
  readonly allowIrreversible?: boolean;
  /** @default those of the run */
  readonly labels?: Readonly<Record<string, string>>;
}

/** A signal that a fork has received. */
export interface ForkSignal {
  readonly name: string;
  readonly payload?: unknown;
  /** About the approval of this name. */
  readonly decision?: Decision;
}

/** The options of `fork`. */
export const forkOptions = [
  "id",
  "seq",
  "input",
  "signal",
  "results",
  "workflow",
  "labels",
  "allowIrreversible",
] as const;
