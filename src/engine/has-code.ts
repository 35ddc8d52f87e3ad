/** Whether a process can go on with a run: it has the code for everything that the run's plan declares. */
import type { RunState } from "../domain/state.ts";
import type { Workflow } from "../workflow/definition.ts";

/** False when a step, a condition or an undo of the run's plan has no code in `workflow`. */
export function hasCode(workflow: Workflow, state: RunState): boolean {
  if (workflow.kind !== state.plan?.kind) return false;
  if (workflow.kind === "code") return true;
  return [...(state.graph?.steps.values() ?? [])].every(({ name, undo, conditional }) => {
    const body = workflow.bodies.get(name);
    if (body === undefined) return false;
    return (!undo || body.undo !== undefined) && (!conditional || body.when !== undefined);
  });
}
