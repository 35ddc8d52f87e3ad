/** Why a run is not finished: what its state says, and whether any process that is up could go on with it. */
import { carries } from "../cluster/versions.ts";
import { type Explanation, explain, versionWait } from "../domain/explain.ts";
import { isDriven, isTerminal, type RunState } from "../domain/state.ts";
import type { Engine } from "../engine/engine.ts";
import { existingRun } from "./existing-run.ts";

/** See `Client.explain`. */
export async function explainRun(engine: Engine, run: string): Promise<Explanation> {
  const state = await existingRun(engine, run);
  const explanation = explain(state);
  if (isTerminal(state) || isDriven(state) || (await hasProcess(engine, state))) return explanation;
  const { waits } = explanation;
  const host = waits.find(({ kind }) => kind === "host");
  const said = versionWait(state, host?.since ?? state.run.context.updatedAt);
  const missing = { ...said, next: host?.next ?? said.next };
  const others = waits.filter((wait) => wait !== host && wait.kind !== "decision");
  return { ...explanation, waits: [...others, missing] };
}

async function hasProcess({ store }: Engine, { run, plan }: RunState): Promise<boolean> {
  const { workflow, node: host } = run.context;
  const nodes = await store.nodes.list();
  return nodes.some((node) => {
    if (node.id === host) return true;
    if (node.draining) return false;
    return plan === undefined
      ? node.workflows.includes(workflow)
      : carries(node, workflow, plan) !== "no";
  });
}
