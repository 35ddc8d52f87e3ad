/** What a step asks of the nodes: from its policy, and from where the run is. */
import type { StepRequest, StepValue } from "../../cluster/allocator.ts";
import { type CollocationGroup, collocationGroups } from "../../cluster/collocation.ts";
import { add, ONE_SLOT, type Resources } from "../../cluster/resources.ts";
import {
  collocated,
  declaredName,
  type GraphPlan,
  itemOf,
  type Plan,
  type StepPlace,
} from "../../domain/plan.ts";
import { planStep, type RunState, stepActor } from "../../domain/state.ts";

/** What each place takes, worked out once: equal only if it is the same. */
const needs = new WeakMap<StepPlace, Resources>();

/** What a step takes of its node while it runs: a slot, unless it says otherwise, and what else it names. */
export function needsOf(place: StepPlace | undefined): Resources {
  if (place?.resources === undefined) return ONE_SLOT;
  const known = needs.get(place);
  if (known !== undefined) return known;
  const { resources } = place;
  const all = "steps" in resources ? resources : add(ONE_SLOT, resources);
  needs.set(place, all);
  return all;
}

const groups = new WeakMap<GraphPlan, ReadonlyMap<string, CollocationGroup>>();
const NO_GROUPS: ReadonlyMap<string, CollocationGroup> = new Map();

function groupsOf(plan: Plan | undefined, run: string): ReadonlyMap<string, CollocationGroup> {
  if (plan?.kind !== "graph") return NO_GROUPS;
  const known = groups.get(plan) ?? collocationGroups(`run ${run}`, plan.steps.map(collocated));
  groups.set(plan, known);
  return known;
}

const NOWHERE: ReadonlyMap<string, string> = new Map();

/**
 * The request of a step.
 * @param soon nodes of steps that have been asked for, or are about to be recorded as begun
 */
export function requestOf(
  state: RunState,
  step: string,
  place: StepPlace | undefined,
  soon: ReadonlyMap<string, string> = NOWHERE,
): StepRequest {
  const name = declaredName(step);
  const group = groupsOf(state.plan, state.id).get(name);
  const { node, collocateWith, labels, spread } = place ?? {};
  const others = group?.members ?? (collocateWith === undefined ? [] : [collocateWith]);
  const home = others.find((other) => other !== name && placeOf(state, other, soon) !== undefined);
  const pin = node ?? group?.pin;
  return {
    step,
    resources: needsOf(place),
    ...(group === undefined ? {} : { room: group.room }),
    workflow: state.run.context.workflow,
    ...(state.plan === undefined ? {} : { version: state.plan }),
    ...(pin === undefined ? {} : { pin }),
    ...(home === undefined ? {} : { collocateWith: home }),
    ...(labels === undefined ? {} : { labels }),
    ...(spread === undefined ? {} : { spread: spreadOf(state, name, soon) }),
    inputs: inputsOf(state, step),
  };
}

/** Where a step of the run runs or ran, or will; undefined: nowhere yet. */
export const placeOf = (
  state: RunState,
  step: string,
  soon: ReadonlyMap<string, string>,
): string | undefined => soon.get(step) ?? stepActor(state, step).context.node ?? undefined;

/** Nodes that steps of the run were placed on, the last first, each once. */
export function recentNodes(state: RunState): readonly string[] {
  const begun = [...state.steps.values()].filter(({ context }) => context.node !== null);
  begun.sort((a, b) => (b.context.startedAt ?? 0) - (a.context.startedAt ?? 0));
  return [...new Set(begun.flatMap(({ context }) => context.node ?? []))];
}

/** How many steps of the kind run on each node, or will. */
function spreadOf(
  state: RunState,
  name: string,
  soon: ReadonlyMap<string, string>,
): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const step of new Set([...state.running, ...soon.keys()])) {
    const node = placeOf(state, step, soon);
    if (node === undefined || (itemOf(step)?.step ?? step) !== name) continue;
    counts[node] = (counts[node] ?? 0) + 1;
  }
  return counts;
}

/** Large values that the step takes: what is inside of events goes anywhere for nothing. */
function inputsOf(state: RunState, step: string): readonly StepValue[] {
  return (planStep(state, step)?.needs ?? []).flatMap((need) => {
    const { output } = stepActor(state, need).context;
    if (output !== null && "kept" in output) return [{ bytes: output.bytes, nodes: [output.node] }];
    return output !== null && "blob" in output ? [{ bytes: output.bytes, nodes: [] }] : [];
  });
}

/** Nothing is said about where the step runs. */
export const isPlain = (place: StepPlace | undefined): boolean =>
  place === undefined || Object.keys(place).length === 0;
