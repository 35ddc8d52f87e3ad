/**
 * What is told of a run's steps beside the state of their machines: the input they were given by
 * hand, when something last happened to them, and in which order they completed.
 */
import type { Value } from "../../machines/values.ts";
import { itemOf, undoOf } from "../domain/plan.ts";
import type { RunFold } from "./run-fold.ts";

/** What the state machine does not keep of a step run. */
export interface StepRunNote {
  /**
   * As given by whoever scheduled or began it; null for steps whose input follows from the plan.
   */
  input: Value | null;
  readonly insertedAt: number;
  updatedAt: number;
}

/** Those notes by step. */
export interface StepRuns {
  readonly byStep: Map<string, StepRunNote>;
  /**
   * Names of completed steps, in the order in which they completed: those with `isOwnStep`.
   */
  readonly completed: string[];
}

/** Not an item of a mapped step, and not what undoes another step. */
export const isOwnStep = (id: string): boolean =>
  itemOf(id) === undefined && undoOf(id) === undefined;

/** Folds a run's step events into them. */
export const stepRunFold: RunFold<StepRuns> = {
  initial: () => ({ byStep: new Map(), completed: [] }),
  apply(view, event) {
    if (!event.type.startsWith("step.") || !("step" in event) || event.step === undefined) return;
    const { step, at } = event;
    const note = view.byStep.get(step) ?? { input: null, insertedAt: at, updatedAt: at };
    view.byStep.set(step, note);
    note.updatedAt = at;
    if (event.type === "step.scheduled" || event.type === "step.started") {
      note.input = event.input ?? note.input;
    }
    if (event.type === "step.completed" && isOwnStep(step)) view.completed.push(step);
  },
};
