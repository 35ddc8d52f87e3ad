/**
 * What nodes would have to have for the steps of a run that could run and do not. Looked up by whoever asks:
 * no log tells what others have taken.
 */
import type { ClusterView } from "../../cluster/allocator.ts";
import { refusals } from "../../cluster/refusals.ts";
import { shown } from "../../cluster/resources.ts";
import { loadBalanced } from "../../cluster/strategies/load-balanced.ts";
import type { Explanation } from "../../domain/explain.ts";
import { isFull } from "../../domain/outstanding.ts";
import type { StepPlace } from "../../domain/plan.ts";
import { planStep, type RunState, stepActor } from "../../domain/state.ts";
import type { Wait } from "../../domain/wait.ts";
import { requestOf } from "../../engine/turn/step-request.ts";
import type { NodeInfo } from "../../ports/node-registry.ts";

/** Of larger fleets only so many nodes are told of, for each step. */
const NODES_LISTED = 32;

/** The explanation, with a `placement` for each `start` that there is no place for. */
export function explainPlaces(
  explanation: Explanation,
  state: RunState,
  nodes: readonly NodeInfo[],
): Explanation {
  if (isFull(state) || !explanation.waits.some(({ kind }) => kind === "start")) return explanation;
  const self = state.run.context.node ?? "";
  const view: ClusterView = { self, nodes, recent: [], placed: placesOf(state) };
  const waits = explanation.waits.map((wait) => placementWait(state, view, wait) ?? wait);
  return { ...explanation, waits };
}

/** Undefined: there is a place for it, so it is about to begin. */
function placementWait(state: RunState, view: ClusterView, wait: Wait): Wait | undefined {
  const { kind, step } = wait;
  if (kind !== "start" || step === undefined) return undefined;
  const request = requestOf(state, step, placeOf(state, step));
  const placement = loadBalanced.place(request, view);
  if ("node" in placement) return undefined;
  const isNever = "never" in placement;
  const needed = `${shown(request.resources)} free`;
  return {
    ...wait,
    kind: "placement",
    what: `step ${step} waits for a place: ${isNever ? placement.never : placement.reason}`,
    by:
      !isNever && placement.wait === "room"
        ? `whoever gives back what is missing, or another node with ${needed}`
        : `a node that can take it, with ${needed}`,
    nodes: refusals(request, view).slice(0, NODES_LISTED),
  };
}

/** What the step says of where it may run: in the plan, or when the code asked for it. */
function placeOf(state: RunState, step: string): StepPlace | undefined {
  const planned = planStep(state, step);
  if (planned !== undefined) return planned.policy.place;
  return (stepActor(state, step).context.place as StepPlace | null) ?? undefined;
}

/** Where steps ran that others are to be with. */
function placesOf({ steps }: RunState): ReadonlyMap<string, string> {
  const places = new Map<string, string>();
  for (const [step, { context }] of steps) {
    if (context.node !== null) places.set(step, context.node);
  }
  return places;
}
