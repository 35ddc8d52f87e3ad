/** The least loaded node: work is spread over all there are. */
import type { Allocator, NodeView } from "../allocator.ts";
import { byPreference } from "../candidates.ts";
import { amountOf, NOTHING, type Resources } from "../resources.ts";

/** Good for many steps that do not depend on each other; of equally loaded nodes the run's host first. */
export const loadBalanced: Allocator = byPreference("load-balanced", (node, request, { self }) => {
  const load = loadOf(node, request.resources);
  const now = loadOf(node);
  return {
    ranks: [load, now, node.id === self ? 0 : 1],
    reason: `the least loaded: ${Math.round(100 * load)} % with it`,
  };
});

/**
 * How loaded a node would be with `more` on it: the largest share taken of anything that it has (the
 * "dominant share"; Ghodsi et al., "Dominant Resource Fairness", 2011). 0: idle, 1: something is used up.
 */
export function loadOf({ resources, free }: NodeView, more: Resources = NOTHING): number {
  let load = 0;
  for (const name of Object.keys(resources)) {
    const has = amountOf(resources, name);
    if (has === 0) continue;
    load = Math.max(load, (has - amountOf(free, name) + amountOf(more, name)) / has);
  }
  return load;
}
