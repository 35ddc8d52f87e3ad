/** Why a step that waits for a place does not begin, node by node: for people who ask what would move it. */
import type { ClusterView, NodeView, StepRequest } from "./allocator.ts";
import { homeOf, isAble, unlike } from "./candidates.ts";
import { fits, NOTHING, type Resources, shortage, shown } from "./resources.ts";

/** Why a step does not begin on a node. */
export interface NodeRefusal {
  readonly node: string;
  /** A sentence for people. */
  readonly why: string;
  /** What is missing there, by name; nothing when amounts are not the matter. */
  readonly lacks: Resources;
}

/** By node's name; a node that is not among them could take the step now. */
export function refusals(request: StepRequest, view: ClusterView): readonly NodeRefusal[] {
  const { resources, room = resources } = request;
  const large = view.nodes.filter(
    (node) =>
      isAble(node, request) && fits(room, node.resources) && fits(resources, node.resources),
  );
  const home = homeOf(
    request,
    view,
    large.filter(({ draining }) => !draining),
  )?.[0];
  const refused = view.nodes.flatMap((node) => refusalBy(node, request, home) ?? []);
  return refused.sort((a, b) => (a.node < b.node ? -1 : 1));
}

function refusalBy(
  node: NodeView,
  request: StepRequest,
  home: NodeView | undefined,
): NodeRefusal | undefined {
  const { resources, room = resources, collocateWith } = request;
  const because = (why: string, lacks: Resources = NOTHING): NodeRefusal => {
    return { node: node.id, why, lacks };
  };
  const other = unlike(node, request);
  if (other !== undefined) return because(`it is not one ${other}`);
  const never = shortage(fits(room, node.resources) ? resources : room, node.resources);
  if (Object.keys(never).length > 0) {
    return because(`with nothing on it, it would lack ${shown(never)}`, never);
  }
  if (node.draining) return because("it takes nothing new");
  if (home !== undefined && home.id !== node.id) {
    return because(`step ${collocateWith} ran on node ${home.id}`);
  }
  const lacks = shortage(resources, node.free);
  if (Object.keys(lacks).length === 0) return undefined;
  return because(`it lacks ${shown(lacks)}: others have taken that`, lacks);
}
