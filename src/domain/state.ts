/**
 * The state of one run: its machine, its steps' machines, and indexes over them so that what is next
 * is found without a scan. All of it is a fold of the run's frames; nothing else is ever written here.
 */

import { runMachine } from "../../machines/run.ts";
import { holdsBack } from "../../machines/run-admission.ts";
import type { RunCommand, RunContext, RunEvent } from "../../machines/run-data.ts";
import { runContext } from "../../machines/run-data.ts";
import { stepMachine } from "../../machines/step.ts";
import type { StepCommand, StepContext, StepEvent } from "../../machines/step-data.ts";
import { stepContext } from "../../machines/step-data.ts";
import { NO_PREVIOUS } from "../events/frame.ts";
import { type Graph, itemOf, type Plan, type PlanStep, undoOf, whenFailed } from "./plan.ts";
import { type Actor, compileMachine } from "./table.ts";

/** `runMachine` and `stepMachine` as the fold and every decision use them. */
export const runTable = compileMachine<RunContext, RunCommand, RunEvent>(runMachine);
/** See `runTable`. */
export const stepTable = compileMachine<StepContext, StepCommand, StepEvent>(stepMachine);

/** How far an item list of a mapped step has got. */
export interface Mapping {
  readonly count: number;
  /** Index of the first item that is not yet released to run (`concurrency`). */
  next: number;
  /** Items that have not ended. */
  left: number;
  /** The first item that failed for good. */
  failed: string | undefined;
}

/** Where the run's log ends, as this fold knows it. */
export interface Cursor {
  /** `seq` of the last event. */
  seq: number;
  /** Position and sum of the last frame. */
  head: number;
  sum: string;
  /** Last inbox position that a frame has recorded as taken. */
  inbox: number;
  /** The rest of the run is yet to be imported. */
  partial: boolean;
}

/** One answer to the function of a code workflow: `step:a`, `timer:t`, `wait:w`, `approval:w`, and when it came. */
export interface Answered {
  readonly key: string;
  readonly at: number;
  /** Of the event that it is. */
  readonly seq: number;
}

/** All that is known of a run. Owned by whoever folds it; changed in place, by `evolve` only. */
export interface RunState {
  readonly id: string;
  readonly cursor: Cursor;
  readonly run: Actor<RunContext>;
  /** Steps that have an event of their own. Others are `waiting`, or pending items of a mapped step. */
  readonly steps: Map<string, Actor<StepContext>>;
  plan: Plan | undefined;
  graph: Graph | undefined;
  /** Declared steps whose needs have not all ended: how many are missing. */
  readonly unmet: Map<string, number>;
  /** Declared steps whose needs have all ended and that are still `waiting`. */
  readonly ready: Set<string>;
  /** May begin now. */
  readonly pending: Set<string>;
  /** When those of them must have begun that have a schedule-to-start time. */
  readonly limited: Map<string, number>;
  /** Pending steps that must first be told their items. */
  readonly unmapped: Set<string>;
  /** Pending steps that wait for something, and do not yet. */
  readonly unopened: Set<string>;
  /** Steps that wait for a time, a signal or a decision. */
  readonly suspended: Set<string>;
  readonly running: Set<string>;
  readonly retrying: Set<string>;
  /** Out of attempts: somebody must say what becomes of them. */
  readonly held: Set<string>;
  /** Steps that are child runs: of which the run is owed, is known to exist, or is to be asked to stop. */
  readonly requested: Set<string>;
  readonly delegated: Set<string>;
  readonly stopping: Set<string>;
  /** When those of them must have ended that have a time for it. */
  readonly dueChildren: Map<string, number>;
  readonly mappings: Map<string, Mapping>;
  /** Declared steps that have not ended. */
  open: number;
  /** Steps of code that declare how they are undone. */
  readonly canUndo: Set<string>;
  /** Those of them whose undo is held when it fails for good. */
  readonly holdUndo: Set<string>;
  /** Completed steps that can be undone, in the order of their completion. */
  readonly undoable: string[];
  /** The first step that failed for good. */
  failed: string | undefined;
  /** Declared steps that failed, or were left out because they need one that is here. */
  readonly barred: Set<string>;
  /** Retries used by all steps together. */
  retries: number;
  checkpoints: number;
  /** Signals with decisions that have neither been taken nor refused. */
  readonly decisions: Set<string>;
  /** Signals without one that no wait has got: ids by name, in the order in which they came. */
  readonly free: Map<string, Set<string>>;
  /** Code workflows: what the code asked for, in order (`step:a`, `timer:t`). */
  readonly calls: string[];
  /** Code workflows: what it was answered, in order. */
  readonly answers: Answered[];
  /** Nothing of its own yet: the state of the run that it branches off (`inherit`). */
  inherits: boolean;
}

/** Events after which its function goes on as another run, if its plan says so. */
export const continueAtOf = ({ plan }: RunState): number | undefined =>
  plan?.kind === "code" ? plan.continueAt : undefined;

/** A run before its first event. */
export function emptyRun(id: string): RunState {
  return {
    id,
    cursor: { seq: 0, head: 0, sum: NO_PREVIOUS, inbox: 0, partial: false },
    run: runTable.create(runContext({ id })),
    steps: new Map(),
    plan: undefined,
    graph: undefined,
    unmet: new Map(),
    ready: new Set(),
    pending: new Set(),
    limited: new Map(),
    unmapped: new Set(),
    unopened: new Set(),
    suspended: new Set(),
    running: new Set(),
    retrying: new Set(),
    held: new Set(),
    requested: new Set(),
    delegated: new Set(),
    stopping: new Set(),
    dueChildren: new Map(),
    mappings: new Map(),
    open: 0,
    canUndo: new Set(),
    holdUndo: new Set(),
    undoable: [],
    failed: undefined,
    barred: new Set(),
    retries: 0,
    checkpoints: 0,
    decisions: new Set(),
    free: new Map(),
    calls: [],
    answers: [],
    inherits: false,
  };
}

/** Whether the run has its first event. */
export const hasBegun = (state: RunState): boolean => state.run.state !== "unborn";

/** Whether the run has come to its end: nothing moves it any more. */
export const isTerminal = (state: RunState): boolean => runTable.finals.has(state.run.state);

/** Whether nobody holds the run, by its host's own word: it waits, or could not be gone on with. */
export const isParked = ({ run }: RunState): boolean => run.context.parkedReason !== null;

/** Whether the run is driven by hand, through the stores, so that nobody hosts it. */
export const isDriven = ({ plan }: RunState): boolean =>
  plan?.kind === "code" && plan.declares !== undefined;

/**
 * Whether steps of the run move: while it lives. Of a run driven by hand those that are under way at
 * its end may still come to theirs, for nobody there could stop them.
 * @param ending whether this is about the end of an attempt
 */
export const stepsMove = (state: RunState, ending: boolean): boolean =>
  hasBegun(state) && (!isTerminal(state) || (ending && isDriven(state)));

/** How many child runs of the run are owed, under way, or to be stopped: it does not end before. */
export const openChildren = ({ requested, delegated, stopping }: RunState): number =>
  requested.size + delegated.size + stopping.size;

/** Whether the step, or the item, is done by a child run. In code only children are done as items. */
export function isChild(state: RunState, id: string): boolean {
  if (undoOf(id) !== undefined) return false;
  if (state.graph !== undefined) return planStep(state, id)?.child !== undefined;
  return itemOf(id) !== undefined || (state.steps.get(id)?.context.child ?? null) !== null;
}

const UNDERWAY: ReadonlySet<string> = new Set(["mapping", "requested", "delegated", "stopping"]);

/** A state of a step as people see it: what its items or a run of its own do for it counts as running. */
export const shownState = (state: string): string => (UNDERWAY.has(state) ? "running" : state);

/** Nothing new begins: it was paused, or not let in yet, or is not being worked on. */
export const standsStill = (state: RunState): boolean =>
  state.run.state !== "compensating" &&
  (state.run.state !== "running" ||
    state.run.context.paused !== null ||
    holdsBack(state.run.context));

/** The plan's entry for a step, or for the mapped step of an item; undefined for steps of code. */
export function planStep(state: RunState, id: string): PlanStep | undefined {
  const step = undoOf(id) ?? id;
  return state.graph?.steps.get(itemOf(step)?.step ?? step);
}

/** Whether there is such a step, as far as the run has got. */
export const isKnownStep = (state: RunState, step: string): boolean =>
  state.steps.has(step) || state.pending.has(step) || state.graph?.steps.has(step) === true;

/** A need of the step that failed, or was left out because of one that did: it cannot run. */
export const barrierOf = (state: RunState, id: string): string | undefined =>
  state.barred.size === 0
    ? undefined
    : planStep(state, id)?.needs.find((need) => state.barred.has(need));

/**
 * The actor of a step as it is now. One that has no event of its own is made up, not stored: `waiting`,
 * or `pending` when it is an item of a mapped step.
 */
export function stepActor(state: RunState, id: string): Actor<StepContext> {
  const known = state.steps.get(id);
  if (known !== undefined) return known;
  const policy = planStep(state, id)?.policy;
  const maxAttempts = policy?.retry.maxAttempts ?? 1;
  const which = undoOf(id) === undefined ? "whenFailed" : "whenUndoFailed";
  // Steps of code are told in the event that schedules them.
  const failing = policy === undefined ? "fail" : whenFailed(state.plan, policy, which);
  const actor = stepTable.create(stepContext({ id, maxAttempts, whenFailed: failing }));
  const item = itemOf(id);
  const parent = item === undefined ? undefined : state.steps.get(item.step);
  if (
    item !== undefined &&
    parent?.state === "mapping" &&
    item.index < (parent.context.items ?? 0)
  ) {
    actor.state = "pending";
    actor.context.scheduledAt = parent.context.startedAt;
  }
  return actor;
}
