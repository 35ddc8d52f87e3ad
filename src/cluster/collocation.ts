/**
 * Steps that must run on one node. "b with a" and "c with b" are one group whose root is a: the step
 * that the others follow. The whole group must fit on the node together, so its costs are added up.
 */
import { MillraceError } from "../kernel/errors.ts";
import { add, NOTHING, type Resources } from "./resources.ts";

/** What is said about one step. */
export interface Collocated {
  readonly name: string;
  /** The step whose node it runs on; absent: it is a root, or alone. */
  readonly with?: string;
  readonly resources?: Resources;
  readonly pin?: string;
}

/** Steps that run on one node. */
export interface CollocationGroup {
  readonly root: string;
  /** The root first, then the others as they were declared. */
  readonly members: readonly string[];
  /** Of all members together. */
  readonly room: Resources;
  /** The node that it is tied to; absent: any. */
  readonly pin?: string;
}

/**
 * The groups of more than one step, by each of their members.
 * @param what whose steps they are, for messages: "workflow w"
 * @throws MillraceError `E_DEF_UNKNOWN_STEP`, `E_DEF_CYCLE`, `E_DEF_INVALID` (two pins in one group)
 */
export function collocationGroups(
  what: string,
  steps: readonly Collocated[],
): ReadonlyMap<string, CollocationGroup> {
  const known = new Map(steps.map((step) => [step.name, step]));
  const roots = new Map<string, string>();
  for (const { name } of steps) findRoot(what, name, known, roots);
  const byRoot = Map.groupBy(steps, ({ name }) => roots.get(name) ?? name);
  const groups = new Map<string, CollocationGroup>();
  for (const [root, members] of byRoot) {
    if (members.length < 2) continue;
    const group = groupOf(what, root, members);
    for (const name of group.members) groups.set(name, group);
  }
  return groups;
}

/** Follows "with" to its end, and notes it for all on the way. */
function findRoot(
  what: string,
  from: string,
  known: ReadonlyMap<string, Collocated>,
  roots: Map<string, string>,
): void {
  const path = new Set<string>();
  let name = from;
  for (;;) {
    const root = roots.get(name);
    if (root !== undefined) {
      name = root;
      break;
    }
    if (path.has(name)) throw circle(what, [...path], name);
    path.add(name);
    const next = known.get(name)?.with;
    if (next === undefined) break;
    if (!known.has(next)) throw unknown(what, name, next);
    name = next;
  }
  for (const on of path) roots.set(on, name);
}

function groupOf(what: string, root: string, steps: readonly Collocated[]): CollocationGroup {
  const members = steps.filter(({ name }) => name !== root).map(({ name }) => name);
  const room = steps.reduce((sum, { resources }) => add(sum, resources ?? NOTHING), NOTHING);
  const pins = new Set(steps.flatMap(({ pin }) => pin ?? []));
  const [pin, other] = pins;
  if (other !== undefined) {
    throw new MillraceError(
      "E_DEF_INVALID",
      `${what}: the steps that run with ${root} are tied to nodes ${pin} and ${other}; they cannot be on both`,
      { details: { root, nodes: [...pins] } },
    );
  }
  return {
    root,
    members: [root, ...members],
    room,
    ...(pin === undefined ? {} : { pin }),
  };
}

const unknown = (what: string, step: string, name: string): MillraceError =>
  new MillraceError(
    "E_DEF_UNKNOWN_STEP",
    `${what}: step ${step} is to run with ${name}, which it does not declare`,
    { details: { unknown: [name] } },
  );

function circle(what: string, path: readonly string[], name: string): MillraceError {
  const cycle = [...path.slice(path.indexOf(name)), name];
  return new MillraceError(
    "E_DEF_CYCLE",
    `${what}: steps are to run with each other in a circle, so none says where: ${cycle.join(" with ")}`,
    { details: { cycle } },
  );
}
