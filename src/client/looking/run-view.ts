/** A run as people look at it: one object, from its state. */
import { freeze } from "immer";
import type { Child } from "../../../machines/child-data.ts";
import type { Chain, Parent, Tick } from "../../../machines/run-data.ts";
import type { Failure, Value } from "../../../machines/values.ts";
import { planStep, type RunState, shownState } from "../../domain/state.ts";
import { type RunStatus, shownStatus } from "../../projections/run-summary.ts";

/** What users see of a step's machine: `mapping`, and whatever a child run does, counts as running. */
export type StepStatus =
  | "waiting"
  | "pending"
  | "running"
  | "retrying"
  /** It waits for a time, a signal or a decision. */
  | "suspended"
  | "held"
  | "completed"
  | "failed"
  | "skipped"
  | "cancelled";

/** A step as people look at it. */
export interface StepView {
  readonly step: string;
  readonly status: StepStatus;
  readonly attempt: number;
  readonly scheduledAt: number | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly retryAt: number | null;
  /** Since when it waits for somebody to say what becomes of it. */
  readonly heldAt: number | null;
  readonly node: string | null;
  /** How many items a mapped step has. */
  readonly items: number | null;
  /** The run that does its work, if one of its own does. */
  readonly child: Pick<Child, "run" | "workflow" | "onParentClose"> | null;
  /** As recorded: inline, or a reference. `RunHandle.result` gives the run's as plain JSON. */
  readonly output: Value | null;
  readonly error: Failure | null;
  /** Why it was skipped, cancelled, retried or failed by somebody, and by whom. */
  readonly reason: string | null;
  readonly by: string | null;
}

/** A run as people look at it: see `runView`. */
export interface RunView {
  readonly run: string;
  readonly workflow: string;
  readonly status: RunStatus;
  readonly labels: Readonly<Record<string, string>>;
  /** The key that signals reach it under: see `Client.signalWhere`; null: none. */
  readonly correlation: string | null;
  /** The run that it branched off, and behind which of its events; null: none. */
  readonly forkOf: { readonly run: string; readonly seq: number } | null;
  /** The run whose child it is, and as which step of it; null: nobody's. */
  readonly parent: Pick<Parent, "run" | "step"> | null;
  /** The tick of a schedule that it was started for; null: none. */
  readonly tick: Tick | null;
  /** The run that it goes on for, and its place in their chain; null: none. */
  readonly chain: Pick<Chain, "first" | "previous" | "index"> | null;
  /** The run that goes on for it. */
  readonly next: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly endedAt: number | null;
  /** `seq` of the last event. */
  readonly seq: number;
  /** Who hosts it now, and how often it was claimed. */
  readonly node: string | null;
  readonly epoch: number;
  readonly parkedReason: string | null;
  readonly parkedUntil: number | null;
  /** Why it could not be gone on with when it was last tried, and how often in a row. */
  readonly parkedError: Failure | null;
  readonly faults: number;
  /** Who asked for its end, and why. */
  readonly cancelledBy: string | null;
  readonly cancelReason: string | null;
  readonly input: Value;
  readonly output: Value | null;
  readonly error: Failure | null;
  /** In the plan's order, items after their mapped step; steps of code in the order of their calls. */
  readonly steps: readonly StepView[];
}

/** @param steps those of the state, if they are known */
export function runView(state: RunState, steps = stepViews(state)): RunView {
  const { context } = state.run;
  return {
    run: state.id,
    workflow: context.workflow,
    status: shownStatus({
      paused: context.paused !== null,
      // As it was then: that the rest came later is no part of its history.
      partial: false,
      status: state.run.state as RunStatus,
    }),
    labels: context.labels,
    correlation: context.correlation,
    forkOf: context.forkOf && { run: context.forkOf.run, seq: context.forkOf.seq },
    parent: context.parent && { run: context.parent.run, step: context.parent.step },
    tick: context.tick,
    chain: context.chain && placeIn(context.chain),
    next: context.next?.run ?? null,
    createdAt: context.createdAt,
    updatedAt: context.updatedAt,
    endedAt: context.endedAt,
    seq: state.cursor.seq,
    node: context.node,
    epoch: context.epoch,
    parkedReason: context.parkedReason,
    parkedUntil: context.parkedUntil,
    parkedError: context.parkedError,
    faults: context.faults,
    cancelledBy: context.cancelledBy,
    cancelReason: context.cancelReason,
    input: context.input,
    output: context.output,
    error: context.error,
    steps,
  };
}

/** All steps of a run, in order: see `RunView.steps`. Frozen. */
export const stepViews = (state: RunState): readonly StepView[] =>
  Object.freeze(stepOrder(state).map((id) => stepView(state, id)));

const placeIn = ({ first, previous, index }: Chain): RunView["chain"] => ({
  first,
  previous,
  index,
});

function stepOrder(state: RunState): string[] {
  const order = new Set<string>();
  const items = new Map<string, string[]>();
  for (const id of state.steps.keys()) {
    const name = planStep(state, id)?.name;
    if (name === undefined || name === id) continue;
    const list = items.get(name) ?? [];
    list.push(id);
    items.set(name, list);
  }
  const declared = state.graph === undefined ? state.steps.keys() : state.graph.steps.keys();
  for (const id of declared) {
    order.add(id);
    for (const item of items.get(id) ?? []) order.add(item);
  }
  return [...order];
}

const childView = (child: Child | null): StepView["child"] =>
  child && { run: child.run, workflow: child.workflow, onParentClose: child.onParentClose };

/** One step, which need not have an event of its own. Frozen: views of later moments share it. */
export function stepView(state: RunState, id: string): StepView {
  const actor = state.steps.get(id);
  const context = actor?.context;
  const status = actor?.state ?? "waiting";
  return Object.freeze({
    step: id,
    status: shownState(status) as StepStatus,
    attempt: context?.attempt ?? 0,
    scheduledAt: context?.scheduledAt ?? null,
    startedAt: context?.startedAt ?? null,
    endedAt: context?.endedAt ?? null,
    retryAt: context?.retryAt ?? null,
    heldAt: context?.heldAt ?? null,
    node: context?.node ?? null,
    items: context?.items ?? null,
    child: freeze(childView(context?.child ?? null), true),
    output: freeze(context?.output ?? null, true),
    error: freeze(context?.error ?? null, true),
    reason: context?.reason ?? null,
    by: context?.by ?? null,
  });
}
