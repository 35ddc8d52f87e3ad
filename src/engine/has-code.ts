/** Whether a process can go on with a run: it has the code for everything that the run's plan declares. */
import type { PlanWait } from "../domain/plan-wait.ts";
import type { RunState } from "../domain/state.ts";
import { isStepBody, type WaitBody, type Workflow } from "../workflow/definition.ts";

/** False when a step, a condition, an undo or a wait of the run's plan has no code in `workflow`. */
export function hasCode(workflow: Workflow, state: RunState): boolean {
  if (workflow.kind !== state.plan?.kind) return false;
  if (workflow.kind === "code") return true;
  return [...(state.graph?.steps.values() ?? [])].every((step) => {
    const body = workflow.bodies.get(step.name);
    if (body === undefined || (step.conditional && body.when === undefined)) return false;
    if (isStepBody(body)) return step.wait === undefined && (!step.undo || body.undo !== undefined);
    return step.wait !== undefined && hasAnswers(step.wait, body);
  });
}

/** The code says all that the plan leaves to it. */
const hasAnswers = ({ asks = [] }: PlanWait, body: WaitBody): boolean =>
  asks.every((key) => (key === "where" ? body.where : body.asks[key]) !== undefined);
