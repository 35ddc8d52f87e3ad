/** Whether a process can go on with a run: it has the code for everything that the run's plan declares. */
import { isSameVersion } from "../../cluster/versions.ts";
import type { PlanStep } from "../../domain/plan.ts";
import type { PlanWait } from "../../domain/plan-wait.ts";
import type { RunState } from "../../domain/state.ts";
import {
  type GraphWorkflow,
  isChildBody,
  isStepBody,
  isWaitBody,
  type WaitBody,
  type Workflow,
} from "../../workflow/definition.ts";

/** What a step of a run's plan needs code for, and a workflow has none for. */
export type MissingCode = "function" | "condition" | "undo" | "wait";

/** False when it is another version than the run's, or when a step, a condition, an undo or a wait of the run's plan has no code in `workflow`. */
export function hasCode(workflow: Workflow, state: RunState): boolean {
  // It has none yet, and gets this one's.
  if (!state.run.context.planned) return true;
  if (workflow.kind !== state.plan?.kind || !isSameVersion(workflow.plan, state.plan)) return false;
  if (workflow.kind === "code") return true;
  return [...(state.graph?.steps.values() ?? [])].every(
    (step) => missingCode(workflow, step) === undefined,
  );
}

/** What the plan asks of a step's code, and `workflow` does not have; undefined: it has all. */
export function missingCode(workflow: GraphWorkflow, step: PlanStep): MissingCode | undefined {
  const body = workflow.bodies.get(step.name);
  if (body === undefined) return "function";
  if (step.conditional && body.when === undefined) return "condition";
  if (step.child !== undefined) {
    if (!isChildBody(body)) return "function";
    return step.undo && body.undo === undefined ? "undo" : undefined;
  }
  if (isStepBody(body)) {
    if (step.wait !== undefined) return "wait";
    return step.undo && body.undo === undefined ? "undo" : undefined;
  }
  if (step.wait === undefined || !isWaitBody(body)) return "function";
  return hasAnswers(step.wait, body) ? undefined : "wait";
}

/** The code says all that the plan leaves to it. */
const hasAnswers = ({ asks = [] }: PlanWait, body: WaitBody): boolean =>
  asks.every((key) => (key === "where" ? body.where : body.asks[key]) !== undefined);
