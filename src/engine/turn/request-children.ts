/** The child runs that a turn requests: of steps of a graph, and of lists that a function fans out over. */
import { startable } from "../../domain/outstanding.ts";
import { itemOf } from "../../domain/plan.ts";
import { planStep, type RunState } from "../../domain/state.ts";
import { limits } from "../../kernel/limits.ts";
import { isChildBody } from "../../workflow/definition.ts";
import { handOut } from "../values/values.ts";
import type { Draft } from "./draft.ts";
import { type ChildRequest, requestChild } from "./request-child.ts";
import type { TurnContext } from "./turn-context.ts";

/** Requests in one commit: their inputs must fit a frame. */
const PER_COMMIT = 1_000;

/**
 * Requests the child runs that may begin now.
 * @returns true: there are more, for another commit
 */
export async function requestChildren(context: TurnContext, draft: Draft): Promise<boolean> {
  const steps: string[] = [];
  for (const duty of startable(draft.state, draft.now)) {
    if (duty.kind !== "request") continue;
    if (steps.length === PER_COMMIT) break;
    steps.push(duty.step);
  }
  for (const [index, step] of steps.entries()) {
    const request = await requestOf(context, draft.state, step);
    // The function, run again after a crash, has not come to it yet.
    if (request === undefined) continue;
    await requestChild(context.engine, draft, request, context.definitions);
    if (draft.inlineBytes > limits.frameBytesTarget) return index < steps.length - 1;
  }
  return steps.length === PER_COMMIT;
}

async function requestOf(
  { workflow, driver, results }: TurnContext,
  state: RunState,
  step: string,
): Promise<ChildRequest | undefined> {
  if (workflow.kind === "graph") {
    const declared = planStep(state, step);
    const child = workflow.bodies.get(declared?.name ?? step);
    if (declared?.child === undefined || !isChildBody(child)) return undefined;
    const given = handOut(await results.inputOf(state, step));
    return {
      step,
      workflow: child.workflow,
      policy: declared.child,
      undo: false,
      input: () => (child.input === undefined ? given : child.input(given)),
    };
  }
  const item = itemOf(step);
  const asked = driver?.children(item?.step ?? step);
  if (asked === undefined) return undefined;
  const { inputs, run, undo, ...policy } = asked;
  return {
    step,
    workflow: asked.workflow,
    policy,
    run,
    undo: undo !== undefined,
    input: () => inputs[item?.index ?? 0],
  };
}
