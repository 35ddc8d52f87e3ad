/**
 * Why a run is not finished: what its state says, whether any process that is up could go on with it, where
 * its steps could run, and where it stands in line if its gate has not let it in.
 */
import { carries } from "../../cluster/versions.ts";
import { isHeldBack } from "../../domain/admission.ts";
import { type Explanation, explain, versionWait } from "../../domain/explain.ts";
import { standingWait } from "../../domain/explain-admission.ts";
import { standingOf } from "../../domain/gate.ts";
import { isDriven, isTerminal, type RunState } from "../../domain/state.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Gates } from "../../engine/records/gates.ts";
import type { NodeInfo } from "../../ports/node-registry.ts";
import { explainPlaces } from "./explain-places.ts";

/** See `Client.explain`. */
export async function explainRun(
  engine: Engine,
  gates: Gates,
  state: RunState,
): Promise<Explanation> {
  const explanation = await withStanding(gates, state, explain(state));
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

/** The run's own log does not tell who comes before it. */
async function withStanding(
  gates: Gates,
  state: RunState,
  explanation: Explanation,
): Promise<Explanation> {
  const { admission } = state.run.context;
  if (admission === null || !isHeldBack(state)) return explanation;
  const standing = await gates.look(admission.gate, (context, now) =>
    standingOf(context, state.id, now),
  );
  if (standing === undefined) return explanation;
  const waits = explanation.waits.map((wait) =>
    wait.kind === "admission" ? standingWait(wait, standing) : wait,
  );
  return { ...explanation, waits };
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
