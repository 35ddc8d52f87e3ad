/**
 * What a strategy's answer means for a step that wants to begin: here, on another node, in the line of a
 * node, or nowhere yet. Without a strategy a run's host runs its steps itself while there is room.
 */
import type { Allocator, ClusterView, NodeView, Placement, StepRequest } from "./allocator.ts";
import { isAble } from "./candidates.ts";
import { fits } from "./resources.ts";
import { loadBalanced } from "./strategies/load-balanced.ts";

/** The name of "here while there is room", where strategies have theirs. */
export const HOST_FIRST = "host-first";

/** What becomes of the step. */
export type Choice =
  /** `now`: there is room; otherwise it waits in the node's line. */
  | {
      readonly node: string;
      readonly now: boolean;
      readonly strategy: string;
      readonly reason: string;
    }
  | Exclude<Placement, { readonly node: string }>;

/** Pure: the same request over the same view always has the same answer. */
export function choose(
  strategy: Allocator | undefined,
  request: StepRequest,
  view: ClusterView,
): Choice {
  const self = view.nodes.find(({ id }) => id === view.self);
  const prefersSelf =
    strategy === undefined && self !== undefined && mayBeHere(self, request, view);
  if (prefersSelf && fits(request.resources, self.free)) {
    return { node: self.id, now: true, strategy: HOST_FIRST, reason: "room at the run's host" };
  }
  const { name, place } = strategy ?? { ...loadBalanced, name: HOST_FIRST };
  const now = place(request, view);
  if ("node" in now) return { ...now, now: true, strategy: name };
  if ("never" in now) return now;
  if (prefersSelf) return { node: self.id, now: false, strategy: HOST_FIRST, reason: now.reason };
  // Whose line: the node that would be chosen if nothing were taken.
  const idle = view.nodes.map((node) => ({ ...node, free: node.resources }));
  const line = place(request, { ...view, nodes: idle });
  return "node" in line ? { ...line, now: false, strategy: name, reason: now.reason } : now;
}

/** The host itself could run the step, and nothing that the step says leads elsewhere. */
function mayBeHere(self: NodeView, request: StepRequest, { placed, nodes }: ClusterView): boolean {
  const { collocateWith, resources, room = resources, spread } = request;
  if (spread !== undefined || self.draining || !isAble(self, request)) return false;
  if (!fits(room, self.resources) || !fits(resources, self.resources)) return false;
  const home = collocateWith === undefined ? undefined : placed.get(collocateWith);
  return home === undefined || home === self.id || !nodes.some(({ id }) => id === home);
}
