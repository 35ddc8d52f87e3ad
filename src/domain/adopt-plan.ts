/** How a run's state gets the plan that it is decided by from then on. */
import { fitToPlan } from "./fork.ts";
import { type Graph, graphOf, isPlan } from "./plan.ts";
import type { RunState } from "./state.ts";

/** Plans are frozen and many runs share one: their index is kept as long as the plan is. */
const graphs = new Map<string, Graph>();
const GRAPHS_KEPT = 64;

/** The state gets its plan, or another one of the same kind; its steps are sorted by it. False: it is none. */
export function adoptPlan(state: RunState, plan: unknown): boolean {
  if (!isPlan(plan)) return false;
  if (!state.inherits && plan.kind !== (state.plan ?? plan).kind) return false;
  const hasSteps = state.inherits || state.plan !== undefined;
  state.plan = plan;
  if (plan.kind !== "graph") return true;
  const key = `${plan.version}/${plan.variant ?? ""}`;
  state.graph = graphs.get(key) ?? keep(key, graphOf(plan.steps));
  if (hasSteps) {
    fitToPlan(state);
    return true;
  }
  state.open = plan.steps.length;
  for (const step of plan.steps) {
    if (step.needs.length === 0) state.ready.add(step.name);
    else state.unmet.set(step.name, step.needs.length);
  }
  return true;
}

function keep(key: string, graph: Graph): Graph {
  if (graphs.size >= GRAPHS_KEPT) graphs.clear();
  graphs.set(key, graph);
  return graph;
}
