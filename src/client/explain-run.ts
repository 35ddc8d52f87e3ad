/** Why a run is not finished: what its state says, and whether any process that is up could go on with it. */
import { carries } from "../cluster/versions.ts";
import { type Explanation, explain, versionWait } from "../domain/explain.ts";
import { isDriven, isTerminal, type RunState } from "../domain/state.ts";
import type { Engine } from "../engine/engine.ts";
import type { NodeInfo } from "../ports/node-registry.ts";
import { existingRun } from "./existing-run.ts";
import { explainPlaces } from "./explain-places.ts";

/** See `Client.explain`. */
export const explainRun = async (engine: Engine, run: string): Promise<Explanation> =>
  explainState(engine, await existingRun(engine, run));

/** What can be told of the run now, for callers who have its state. */
export async function explainState(engine: Engine, state: RunState): Promise<Explanation> {
  const explanation = explain(state);
  if (isTerminal(state) || isDriven(state)) return explanation;
  const nodes = await engine.store.nodes.list();
  if (hasProcess(nodes, state)) return explainPlaces(explanation, state, nodes);
  const { waits } = explanation;
  const host = waits.find(({ kind }) => kind === "host");
  const said = versionWait(state, host?.since ?? state.run.context.updatedAt);
  const missing = { ...said, next: host?.next ?? said.next };
  const others = waits.filter((wait) => wait !== host && wait.kind !== "decision");
  return { ...explanation, waits: [...others, missing] };
}

function hasProcess(nodes: readonly NodeInfo[], { run, plan }: RunState): boolean {
  const { workflow, node: host } = run.context;
  return nodes.some((node) => {
    if (node.id === host) return true;
    if (node.draining) return false;
    return plan === undefined
      ? node.workflows.includes(workflow)
      : carries(node, workflow, plan) !== "no";
  });
}
