/** Which code runs for a step: its own, that of its items' mapped step, or the undo of another. */
import { itemOf, undoOf } from "../domain/plan.ts";
import { planStep, type RunState } from "../domain/state.ts";
import { isStepBody, type StepBody, type Workflow } from "../workflow/definition.ts";
import type { CodeDriver } from "./code-driver.ts";

/** Undefined when this process lacks it, or the workflow's function has not come to it. */
export function stepBody(
  context: { readonly workflow: Workflow; readonly driver: CodeDriver | undefined },
  state: RunState,
  step: string,
): StepBody | undefined {
  const undone = undoOf(step);
  if (undone !== undefined) {
    const undo = stepBody(context, state, undone)?.undo;
    return undo === undefined ? undefined : { run: undo };
  }
  const { workflow, driver } = context;
  if (workflow.kind === "graph") {
    const body = workflow.bodies.get(planStep(state, step)?.name ?? step);
    return isStepBody(body) ? body : undefined;
  }
  return driver?.body(itemOf(step)?.step ?? step)?.body;
}
