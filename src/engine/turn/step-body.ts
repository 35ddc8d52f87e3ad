/** Which code runs for a step: its own, that of its items' mapped step, or the undo of another. */
import { itemOf, undoOf } from "../../domain/plan.ts";
import { planStep, type RunState } from "../../domain/state.ts";
import {
  type ChildBody,
  isChildBody,
  isStepBody,
  type StepBody,
  type Workflow,
} from "../../workflow/definition.ts";
import type { CodeDriver } from "./code-driver.ts";

/** Where a run's code is to be found. */
interface Code {
  readonly workflow: Workflow;
  readonly driver: CodeDriver | undefined;
}

/** Undefined when this process lacks it, or the workflow's function has not come to it. */
export function stepBody(context: Code, state: RunState, step: string): StepBody | undefined {
  const undone = undoOf(step);
  if (undone !== undefined) {
    const undo = undoCode(context, state, undone);
    return undo === undefined ? undefined : { run: undo };
  }
  const { workflow, driver } = context;
  if (workflow.kind === "graph") {
    const body = workflow.bodies.get(planStep(state, step)?.name ?? step);
    return isStepBody(body) ? body : undefined;
  }
  return driver?.body(itemOf(step)?.step ?? step)?.body;
}

/** The definition of the run that does the step, as the parent's code says; undefined: only its name is known. */
export function childDefinition(
  context: Code,
  state: RunState,
  step: string,
): Workflow | undefined {
  const workflow = childCode(context, state, step)?.workflow;
  return typeof workflow === "string" ? undefined : workflow;
}

function childCode(
  { workflow, driver }: Code,
  state: RunState,
  step: string,
): Pick<ChildBody, "workflow" | "undo"> | undefined {
  const name = planStep(state, step)?.name ?? itemOf(step)?.step ?? step;
  if (workflow.kind !== "graph") return driver?.children(name);
  const body = workflow.bodies.get(name);
  return isChildBody(body) ? body : undefined;
}

function undoCode(context: Code, state: RunState, step: string): StepBody["undo"] {
  return (stepBody(context, state, step) ?? childCode(context, state, step))?.undo;
}
