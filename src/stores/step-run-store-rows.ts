/** Step runs as callers see them: rows made from a run's state and notes. */
import type { Failure, Value } from "../../machines/values.ts";
import { isDriven, type RunState, shownState } from "../domain/state.ts";
import type { Draft } from "../engine/turn/draft.ts";
import type { Json } from "../kernel/json.ts";
import type { RunNotes } from "../projections/run-notes.ts";
import { isOwnStep, type StepRunNote, stepRunFold } from "../projections/step-runs.ts";

/**
 * The four statuses of the seed; the others only in runs that a workflow drives, or when declared.
 */
export type StepRunStatus =
  | "pending"
  | "running"
  | "completed"
  | "failed"
  | "waiting"
  | "retrying"
  | "held"
  | "skipped"
  | "cancelled";

/** One step of one run: there is one row for each that was ever scheduled or begun. */
export interface StepRun {
  /** What outcomes are reported to; the same for all attempts. */
  readonly id: string;
  readonly run: string;
  readonly step: string;
  readonly status: StepRunStatus;
  /** Attempts begun so far; the fence of the one that runs. */
  readonly attempt: number;
  /** Null also for steps whose input follows from a workflow's plan. */
  readonly input: Json;
  /** Null until it has completed. */
  readonly output: Json;
  /** Of the last attempt, when that failed. */
  readonly lastError: Failure | null;
  /**
   * Who began the last attempt, and until when others leave it alone (ms since the epoch; null: for
   * ever).
   */
  readonly owner: string | null;
  readonly leaseUntil: number | null;
  readonly insertedAt: number;
  readonly updatedAt: number;
}

/** A row whose values are still as recorded. */
export type RecordedStepRun = Omit<StepRun, "input" | "output"> & {
  readonly input: Value | null;
  readonly output: Value | null;
};

const FAILED: ReadonlySet<StepRunStatus> = new Set(["failed", "retrying", "held"]);

/** The id of a step run. Neither run ids nor step names hold a slash. */
export const stepRunId = (run: string, step: string): string => `${run}/${step}`;

/** The row of a step; undefined when nothing ever happened to it. */
export function recordedRow(
  state: RunState,
  note: StepRunNote | undefined,
  step: string,
): RecordedStepRun | undefined {
  const actor = state.steps.get(step);
  if (actor === undefined || note === undefined) return undefined;
  const { attempt, node, endBy, output, error } = actor.context;
  const status = statusOf(state, actor.state);
  return {
    id: stepRunId(state.id, step),
    run: state.id,
    step,
    status,
    attempt,
    input: note.input,
    output,
    lastError: FAILED.has(status) ? error : null,
    owner: node,
    leaseUntil: endBy,
    insertedAt: note.insertedAt,
    updatedAt: note.updatedAt,
  };
}

/** The row as it will be once the draft is committed. */
export function draftedRow(draft: Draft, notes: RunNotes, step: string): RecordedStepRun {
  const known = notes.steps.byStep.get(step);
  const view = stepRunFold.initial();
  if (known !== undefined) view.byStep.set(step, { ...known });
  const place = { run: draft.state.id, seq: 0, position: 0 };
  for (const event of draft.events) {
    if ("step" in event && event.step === step) stepRunFold.apply(view, event, place);
  }
  const row = recordedRow(draft.state, view.byStep.get(step), step);
  if (row === undefined) throw new Error(`step ${step} has no row after a decision about it`);
  return row;
}

/** Statuses by step: of those that have a row, in the order in which they got it. */
export function recordedStatuses(state: RunState): Map<string, StepRunStatus> {
  const statuses = new Map<string, StepRunStatus>();
  for (const [step, actor] of state.steps) {
    if (isOwnStep(step)) statuses.set(step, statusOf(state, actor.state));
  }
  return statuses;
}

/** Statuses of all declared steps, `waiting` where there is no row, then of the undeclared ones. */
export function declaredStatuses(state: RunState): Map<string, StepRunStatus> {
  const recorded = recordedStatuses(state);
  const declared = new Map<string, StepRunStatus>();
  const { plan, graph } = state;
  const names = graph?.steps.keys() ?? (plan?.kind === "code" ? plan.declares : undefined) ?? [];
  for (const step of names) declared.set(step, recorded.get(step) ?? "waiting");
  for (const [step, status] of recorded) declared.set(step, status);
  return declared;
}

/**
 * Driven by hand, a step that may be begun again is called failed; there is nobody who retries it.
 */
function statusOf(state: RunState, of: string): StepRunStatus {
  if (of === "suspended") return "running";
  return (of === "retrying" && isDriven(state) ? "failed" : shownState(of)) as StepRunStatus;
}
