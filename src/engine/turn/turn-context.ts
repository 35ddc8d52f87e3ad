/** What the parts of a turn work with, and how each of a run's steps is run. */
import { type StepPolicy, undoOf } from "../../domain/plan.ts";
import { planStep, type RunState } from "../../domain/state.ts";
import type { Workflow } from "../../workflow/definition.ts";
import { DEFAULT_RETRY } from "../../workflow/policy.ts";
import type { Engine } from "../engine.ts";
import type { Cluster } from "../nodes/cluster.ts";
import type { Placing } from "../nodes/placing.ts";
import type { Remotes } from "../nodes/remotes.ts";
import type { CodeDriver } from "./code-driver.ts";
import type { Definitions } from "./request-child.ts";
import type { Results } from "./step-input.ts";

/** What a turn may use besides its draft. */
export interface TurnContext {
  readonly engine: Engine;
  readonly workflow: Workflow;
  readonly results: Results;
  /** Code workflows only. */
  readonly driver: CodeDriver | undefined;
  /** Workflows that this process has, by name. */
  readonly definitions: Definitions;
  /** Where its steps begin; undefined: none does, for this process is to end. */
  readonly placing: Placing | undefined;
  /** Its attempts on other nodes. */
  readonly remotes: Remotes;
  /** The process as one of many. */
  readonly cluster: Cluster;
}

/** How the step is run: as its plan says, or as the code asked for it. */
export const policyOf = (
  context: Pick<TurnContext, "driver">,
  state: RunState,
  step: string,
): StepPolicy =>
  planStep(state, step)?.policy ??
  context.driver?.body(undoOf(step) ?? step)?.policy ?? { retry: DEFAULT_RETRY };
