/** A second copy of a run's state, to try a decision on without touching what is committed. */
import { type RunState, stepTable } from "./state.ts";
import type { Actor } from "./table.ts";

/** Whatever a machine's recipe may change in place: its fields, and what they hold directly. */
function copyContext<C extends object>(context: C): C {
  const copy = { ...context };
  for (const key of Object.keys(copy) as (keyof C)[]) {
    const held = copy[key];
    if (Array.isArray(held)) copy[key] = [...held] as typeof held;
    else if (typeof held === "object" && held !== null) copy[key] = { ...held };
  }
  return copy;
}

/** An actor that can be tried out: what its machine may change is a copy. */
export const copyActor = <C extends object>({ state, context }: Actor<C>): Actor<C> => ({
  state,
  context: copyContext(context),
});

/** Nothing moves an actor that has ended. */
function copySteps(steps: RunState["steps"]): RunState["steps"] {
  const copy: RunState["steps"] = new Map(steps);
  for (const [id, actor] of steps) {
    if (!stepTable.finals.has(actor.state)) copy.set(id, copyActor(actor));
  }
  return copy;
}

/**
 * Linear in the steps, quick for those that have ended. Recorded values, the plan and its graph are
 * shared: nobody changes them.
 */
export const copyRunState = (state: RunState): RunState => ({
  id: state.id,
  cursor: { ...state.cursor },
  run: copyActor(state.run),
  steps: copySteps(state.steps),
  plan: state.plan,
  graph: state.graph,
  unmet: new Map(state.unmet),
  ready: new Set(state.ready),
  pending: new Set(state.pending),
  limited: new Map(state.limited),
  unmapped: new Set(state.unmapped),
  unopened: new Set(state.unopened),
  suspended: new Set(state.suspended),
  running: new Set(state.running),
  retrying: new Set(state.retrying),
  held: new Set(state.held),
  requested: new Set(state.requested),
  delegated: new Set(state.delegated),
  stopping: new Set(state.stopping),
  dueChildren: new Map(state.dueChildren),
  mappings: new Map(Array.from(state.mappings, ([id, mapping]) => [id, { ...mapping }])),
  open: state.open,
  canUndo: new Set(state.canUndo),
  barred: new Set(state.barred),
  holdUndo: new Set(state.holdUndo),
  undoable: [...state.undoable],
  failed: state.failed,
  retries: state.retries,
  checkpoints: state.checkpoints,
  decisions: new Set(state.decisions),
  free: new Map(Array.from(state.free, ([name, ids]) => [name, new Set(ids)])),
  calls: [...state.calls],
  answers: [...state.answers],
  inherits: state.inherits,
});
