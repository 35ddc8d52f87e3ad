/** The node that has most of what the step takes already: as few bytes as possible are moved. */
import type { Allocator, StepValue } from "../allocator.ts";
import { byPreference } from "../candidates.ts";
import { loadOf } from "./load-balanced.ts";

/** Good for large values; of nodes that have equally much, the least loaded. */
export const localityAware: Allocator = byPreference(
  "locality-aware",
  (node, request, { self }) => {
    const moved = bytesToMove(node.id, request.inputs);
    return {
      ranks: [moved, loadOf(node, request.resources), node.id === self ? 0 : 1],
      reason: `the fewest bytes to move: ${moved}`,
    };
  },
);

/** Bytes of those values that are not on the node. */
export const bytesToMove = (node: string, inputs: readonly StepValue[]): number =>
  inputs.reduce((sum, { bytes, nodes }) => sum + (nodes.includes(node) ? 0 : bytes), 0);
