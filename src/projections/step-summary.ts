/** What a run's line says of its steps. */
import type { Failure } from "../../machines/values.ts";
import type { MillraceEvent } from "../events/vocabulary.ts";

/** A step that waits for somebody to retry, skip or fail it. */
export interface HeldStep {
  readonly step: string;
  readonly attempt: number;
  readonly since: number;
  readonly error: Failure;
}

/** The steps of one run, summed up. */
export interface StepSummary {
  /** Steps and items whose attempt is running. */
  active: string[];
  /** Steps and items out of attempts, for somebody to look at. */
  held: HeldStep[];
  steps: { completed: number; failed: number; running: number; retries: number };
  /** The first step that failed for good; null: none. */
  failedStep: string | null;
}

/** Folds what an event says of a step, in place. */
export function applyStep(summary: StepSummary, event: MillraceEvent): void {
  const { steps, active, held } = summary;
  if (!("step" in event) || event.step === undefined) return;
  if (event.type === "step.failed") summary.failedStep ??= event.step;
  const { step } = event;
  const was = held.findIndex((one) => one.step === step);
  if (was >= 0 && event.type.startsWith("step.")) held.splice(was, 1);
  if (event.type === "step.held") {
    held.push({ step, attempt: event.attempt, since: event.at, error: event.error });
  }
  const at = active.indexOf(event.step);
  if (event.type === "step.started") active.push(event.step);
  else if (at >= 0 && ATTEMPT_ENDS.has(event.type)) active.splice(at, 1);
  if (event.type === "step.completed") steps.completed++;
  if (event.type === "step.failed") steps.failed++;
  if (event.type === "step.retrying") steps.retries++;
  steps.running = active.length;
}

const ATTEMPT_ENDS: ReadonlySet<string> = new Set([
  "step.completed",
  "step.retrying",
  "step.failed",
  "step.held",
  "step.rescheduled",
  "step.skipped",
  "step.cancelled",
]);
