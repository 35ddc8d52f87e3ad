/**
 * What all strategies have in common: which nodes a step could run on now. A strategy only says which
 * of those it likes best, so none can go over a capacity or refuse what fits.
 */
import type { Allocator, ClusterView, NodeView, Placement, StepRequest } from "./allocator.ts";
import { amountOf, fits, type Resources, shortage, shown } from "./resources.ts";
import { carries, type Version } from "./versions.ts";

/** What a strategy says about a node that the step fits on. */
export interface Preference {
  /** Compared from the first to the last; less is better. The node's name decides what is equal. */
  readonly ranks: readonly number[];
  /** Why this node, if it is chosen. */
  readonly reason: string;
}

/** The allocator that a preference makes. */
export const byPreference = (
  name: string,
  prefer: (node: NodeView, request: StepRequest, view: ClusterView) => Preference,
): Allocator => ({
  name,
  place(request, view) {
    const candidates = findCandidates(request, view);
    if (!("nodes" in candidates)) return candidates;
    const { nodes, because } = candidates;
    let best: { readonly node: NodeView; readonly preference: Preference } | undefined;
    for (const node of nodes) {
      const { ranks, reason } = prefer(node, request, view);
      const spread = amountOf(request.spread ?? {}, node.id);
      const preference = { ranks: [spread, ...ranks], reason };
      if (best === undefined || isBefore(node, preference, best)) best = { node, preference };
    }
    if (best === undefined) throw new Error("candidates without a node");
    return { node: best.node.id, reason: because ?? best.preference.reason };
  },
});

function isBefore(
  node: NodeView,
  { ranks }: Preference,
  best: { readonly node: NodeView; readonly preference: Preference },
): boolean {
  for (const [index, rank] of ranks.entries()) {
    const other = best.preference.ranks[index] ?? 0;
    if (rank !== other) return rank < other;
  }
  return node.id < best.node.id;
}

type Refused = Exclude<Placement, { readonly node: string }>;
type Candidates = { readonly nodes: readonly NodeView[]; readonly because?: string } | Refused;

/** The nodes that the step fits on now; at least one. Otherwise what it waits for. */
function findCandidates(request: StepRequest, view: ClusterView): Candidates {
  const { pin, resources, room = resources } = request;
  const able = view.nodes.filter((node) => isAble(node, request));
  if (able.length === 0) return { wait: "node", reason: missing(request) };
  const large = able.filter(({ resources: has }) => fits(room, has) && fits(resources, has));
  if (large.length === 0) return never(request.step, room, able);
  const open = large.filter(({ draining }) => !draining);
  if (open.length === 0) return { wait: "node", reason: `${names(large)} takes nothing new` };
  const home = homeOf(request, view, open);
  const wanted = home ?? open;
  const nodes = wanted.filter(({ free }) => fits(resources, free));
  if (nodes.length === 0) return { wait: "room", reason: taken(resources, wanted) };
  if (home !== undefined) return { nodes, because: `where ${request.collocateWith} ran` };
  return pin === undefined ? { nodes } : { nodes, because: "pinned" };
}

/** Draining or not, full or not: it could run there. */
export const isAble = (node: NodeView, request: StepRequest): boolean =>
  unlike(node, request) === undefined;

/** What the node is not that the step needs it to be. */
export function unlike(
  node: NodeView,
  { pin, workflow, version, labels = {} }: StepRequest,
): string | undefined {
  if (pin !== undefined && node.id !== pin) return `named ${pin}`;
  if (workflow !== undefined && !hasCode(node, workflow, version))
    return withCode(workflow, version);
  for (const name of Object.keys(labels)) {
    const has = Object.hasOwn(node.labels, name) && node.labels[name] === labels[name];
    if (!has) return `with ${name}=${labels[name]}`;
  }
  return undefined;
}

const hasCode = (node: NodeView, workflow: string, version: Version | undefined): boolean =>
  version === undefined
    ? node.workflows.includes(workflow)
    : carries(node, workflow, version) !== "no";

function withCode(workflow: string, version: Version | undefined): string {
  const which = version?.label === undefined ? "" : ` of version ${version.label}`;
  return `with workflow ${workflow}${which}`;
}

/** The node of the step it is to be with; undefined when that is free to be chosen. */
export function homeOf(
  { collocateWith }: StepRequest,
  { placed }: ClusterView,
  open: readonly NodeView[],
): readonly NodeView[] | undefined {
  const home = collocateWith === undefined ? undefined : placed.get(collocateWith);
  const found = home === undefined ? undefined : open.find(({ id }) => id === home);
  return found === undefined ? undefined : [found];
}

function missing({ pin, workflow, version, labels }: StepRequest): string {
  const wanted: string[] = [];
  if (pin !== undefined) wanted.push(`named ${pin}`);
  if (workflow !== undefined) wanted.push(withCode(workflow, version));
  for (const [name, value] of Object.entries(labels ?? {})) wanted.push(`with ${name}=${value}`);
  return wanted.length === 0 ? "there is no node" : `there is no node ${wanted.join(" and ")}`;
}

/** Told of the node that comes nearest: the fewest amounts missing, and of those the least of all it has. */
function never(step: string, room: Resources, able: readonly NodeView[]): Refused {
  const lacks = able.map(({ id, resources }) => ({ id, lack: shortage(room, resources) }));
  const share = (lack: Resources): number =>
    Math.max(...Object.entries(lack).map(([name, amount]) => amount / amountOf(room, name)));
  lacks.sort((a, b) => {
    const fewer = Object.keys(a.lack).length - Object.keys(b.lack).length;
    return fewer || share(a.lack) - share(b.lack) || (a.id < b.id ? -1 : 1);
  });
  const nearest = lacks[0] ?? { id: "", lack: room };
  return {
    never: `step ${step} needs ${shown(room)}; the nearest, node ${nearest.id}, lacks ${shown(nearest.lack)}`,
    shortage: nearest.lack,
  };
}

const taken = (resources: Resources, nodes: readonly NodeView[]): string =>
  `${shown(resources)} is not free on ${names(nodes)}`;

const NAMED = 3;

function names(nodes: readonly NodeView[]): string {
  if (nodes.length > NAMED) return `any of ${nodes.length} nodes`;
  const ids = nodes.map(({ id }) => id).sort();
  return `${ids.length > 1 ? "nodes" : "node"} ${ids.join(", ")}`;
}
