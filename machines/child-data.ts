/**
 * The data of a step whose work another run does, its child run: what can happen to it until it ends like
 * any other step, and what can be asked of it.
 */
import type { Failure, Value } from "./values.ts";

/**
 * What becomes of a child run that has not ended when its parent is about to: it is asked to stop, it is
 * left to itself, or the parent does not end before it has.
 */
export type OnParentClose = "cancel" | "abandon" | "wait";

/** What a step remembers of its child run. */
export interface Child {
  /** Id of the child run; of the first, when it continues as others. */
  readonly run: string;
  readonly workflow: string;
  readonly onParentClose: OnParentClose;
  /** What it is started with; null once it is known to exist. */
  readonly input: Value | null;
}

/** What can happen to a step that is a child run, beside its outcome. */
export type ChildEvent =
  /**
   * The child run is owed from here on. `undo`: the call declares how it is undone. `whenFailed`,
   * `whenUndoFailed`: it, or what undoes it, is held when it fails for good. Steps of a plan say so there.
   */
  | {
      type: "child.requested";
      at: number;
      step: string;
      attempt: number;
      childRun: string;
      childWorkflow: string;
      input: Value;
      onParentClose: OnParentClose;
      endBy?: number;
      undo?: true;
      whenFailed?: "hold";
      whenUndoFailed?: "hold";
    }
  /** The child run exists. */
  | { type: "child.started"; at: number; step: string; attempt: number }
  /** It is to be asked to stop; then the step ends: as failed with `error`, or as cancelled. */
  | {
      type: "child.stopping";
      at: number;
      step: string;
      attempt: number;
      reason: string;
      error?: Failure;
    };

/** What can be asked of a step that is a child run, beside `cmd.complete`, `cmd.fail` and `cmd.cancel`. */
export type ChildCommand =
  | {
      type: "cmd.request";
      now: number;
      childRun: string;
      childWorkflow: string;
      input: Value;
      onParentClose: OnParentClose;
      endBy?: number;
      undo?: true;
      whenFailed?: "hold";
      whenUndoFailed?: "hold";
    }
  /** What is owed was done: the child run exists, or has been asked to stop. */
  | { type: "cmd.confirm"; now: number }
  /** The child run did not end in time. */
  | { type: "cmd.expire"; now: number; error: Failure };

/** What of a step's memory concerns its child run. */
interface Delegating {
  attempt: number;
  startedAt: number | null;
  endBy: number | null;
  child: Child | null;
  error: Failure | null;
  reason: string | null;
}

/** How these events change what a step remembers: the part of its reducer that is about its child run. */
export function delegate(context: Delegating, event: ChildEvent): void {
  switch (event.type) {
    case "child.requested": {
      const { childRun: run, childWorkflow: workflow, onParentClose, input } = event;
      context.error = null;
      context.attempt = event.attempt;
      context.startedAt = event.at;
      context.endBy = event.endBy ?? null;
      context.child = { run, workflow, onParentClose, input };
      break;
    }
    case "child.started":
      // Whoever hosts the child has its input from the child's own log.
      if (context.child !== null) context.child = { ...context.child, input: null };
      break;
    case "child.stopping":
      context.reason = event.reason;
      context.error = event.error ?? null;
      context.endBy = null;
      break;
  }
}
