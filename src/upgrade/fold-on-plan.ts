/** The history of a graph, folded as if it had begun with another plan: whether that would have allowed it. */
import { evolve } from "../domain/evolve.ts";
import { declaredName, type GraphPlan, graphOf, type PlanStep } from "../domain/plan.ts";
import type { RunState } from "../domain/state.ts";
import type { MillraceEvent } from "../events/vocabulary.ts";
import { isMillraceError } from "../kernel/errors.ts";
import type { Folded, HistoryDifference } from "./folded-history.ts";

/**
 * What keeps a run with that history from going on with this plan: the first event that the plan would not
 * have allowed, or undos that it has lost. Empty: nothing.
 * @param ground what the first event is folded onto; it is changed
 */
export function foldOnPlan(
  plan: GraphPlan,
  { state: now, events }: Folded,
  ground: RunState,
): readonly HistoryDifference[] {
  const { steps } = graphOf(plan.steps);
  const before = new Map((now.plan as GraphPlan).steps.map((step) => [step.name, step]));
  const misfit = (step: string, seq: number, message: string): HistoryDifference[] => [
    { what: `step ${step}`, seq, breaks: true, message },
  ];
  for (const step of new Set([...ground.steps.keys()].map(declaredName))) {
    const why = unlike(step, before.get(step), steps.get(step));
    if (why !== undefined) return misfit(step, 1, why);
  }
  for (const [index, event] of events.entries()) {
    const step = "step" in event && event.step !== undefined ? declaredName(event.step) : undefined;
    const why =
      step === undefined
        ? undefined
        : (unlike(step, before.get(step), steps.get(step)) ?? tooEarly(ground, event, step));
    if (step !== undefined && why !== undefined) return misfit(step, index + 1, why);
    if (!takes(ground, onPlan(event, plan))) {
      const message = `${event.type} is not possible there any more`;
      const what = step === undefined ? "the run" : `step ${step}`;
      return [{ what, seq: index + 1, breaks: true, message }];
    }
  }
  const undone = new Set(now.undoable.map(declaredName));
  const lost = [...undone].find((step) => steps.get(step)?.undo !== true);
  if (lost === undefined) return [];
  return misfit(lost, events.length, `step ${lost} may be undone, and has no undo any more`);
}

const onPlan = (event: MillraceEvent, plan: GraphPlan): MillraceEvent =>
  "plan" in event && event.plan !== null ? { ...event, plan } : event;

/** False when the machines, or the plan, do not allow it. */
function takes(state: RunState, event: MillraceEvent): boolean {
  try {
    evolve(state, event);
    return true;
  } catch (error) {
    if (!isMillraceError(error, "E_LOG_CORRUPT")) throw error;
    return false;
  }
}

/** What is recorded of the step could not be of the step of that name in the other plan. */
function unlike(
  name: string,
  was: PlanStep | undefined,
  is: PlanStep | undefined,
): string | undefined {
  if (is === undefined) return `step ${name} has begun, and is not there any more`;
  if (was === undefined || kindOf(was) === kindOf(is)) return undefined;
  return `step ${name} began as ${kindOf(was)}, and is ${kindOf(is)}`;
}

function kindOf({ over, wait, child }: PlanStep): string {
  const does = wait !== undefined ? "a wait" : child === undefined ? "a function" : "a child run";
  return over === undefined ? does : `${does} for each item of ${over}`;
}

/** The step began when something that it needs now had not ended. */
function tooEarly(state: RunState, event: MillraceEvent, name: string): string | undefined {
  if (event.type === "step.skipped" || event.type === "step.cancelled") return undefined;
  if (!state.unmet.has(name) || state.steps.has(name)) return undefined;
  return `step ${name} began before all had ended that it needs now`;
}
