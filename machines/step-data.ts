/**
 * The data of a step: what can happen to it (events), what can be asked of it (commands), what it
 * remembers (context). `step-reducer.ts` has the recipe by which events change that.
 */
import type { Child, ChildCommand, ChildEvent } from "./child-data.ts";
import type { Placement } from "./placement.ts";
import type { Failure, Value } from "./values.ts";

/** What can happen to a step; recorded, and the only thing that moves it. */
export type StepEvent =
  | ChildEvent
  /**
   * All that the step needs is there. `maxAttempts` only for steps that no plan declares, `input` only
   * for steps driven by hand: others take theirs from the results of what they need.
   */
  | {
      type: "step.scheduled";
      at: number;
      step: string;
      maxAttempts?: number;
      startBy?: number;
      /** It declares how it is undone. Steps of a plan say so there. */
      undo?: true;
      /** What it does cannot be taken back. Steps of a plan say so there. */
      irreversible?: true;
      /** It, or what undoes it, is held when it fails for good. Steps of a plan say so there. */
      whenFailed?: "hold";
      whenUndoFailed?: "hold";
      /** Where it may run and what it takes there. Steps of a plan say so there. */
      place?: object;
      input?: Value;
    }
  /**
   * The step fans out into items `step[0]` … `step[count-1]`; each is pending from here on, or as soon as
   * fewer than `concurrency` are under way. Steps of a plan say that there.
   */
  | { type: "step.mapped"; at: number; step: string; count: number; concurrency?: number }
  /** It waits for a time, a signal or a decision; nothing of it runs, and nothing is held for it. */
  | { type: "step.suspended"; at: number; step: string }
  /** An attempt begins. Recorded before its code runs, so a crash counts. `input` replaces the last. */
  | {
      type: "step.started";
      at: number;
      step: string;
      attempt: number;
      node: string;
      endBy?: number;
      input?: Value;
      /** It runs on another node than the run's host: what that node gave for it, for this one attempt. */
      grant?: string;
      placement?: Placement;
    }
  | {
      type: "step.retrying";
      at: number;
      step: string;
      attempt: number;
      error: Failure;
      retryAt: number;
    }
  /** It is out of attempts, and waits for somebody to retry, skip or fail it. */
  | { type: "step.held"; at: number; step: string; attempt: number; error: Failure }
  /** Somebody wants it tried again: what it was at does not count. `input` replaces what it would get. */
  | {
      type: "step.rescheduled";
      at: number;
      step: string;
      by: string;
      reason: string;
      maxAttempts: number;
      input?: Value;
    }
  | { type: "step.completed"; at: number; step: string; attempt: number; output: Value }
  /** `by`, `reason`: who failed it while it was held, and why. */
  | {
      type: "step.failed";
      at: number;
      step: string;
      attempt: number;
      error: Failure;
      by?: string;
      reason?: string;
    }
  /** `output`: what others get in place of its result. */
  | {
      type: "step.skipped";
      at: number;
      step: string;
      reason: string;
      by?: string;
      output?: Value;
    }
  | { type: "step.cancelled"; at: number; step: string; reason: string };

/** What can be asked of a step; never recorded. Time comes in with it. */
export type StepCommand =
  | ChildCommand
  | {
      type: "cmd.schedule";
      now: number;
      maxAttempts?: number;
      startBy?: number;
      undo?: true;
      irreversible?: true;
      whenFailed?: "hold";
      whenUndoFailed?: "hold";
      place?: object;
      input?: Value;
    }
  | { type: "cmd.map"; now: number; count: number; concurrency?: number }
  | { type: "cmd.suspend"; now: number }
  | {
      type: "cmd.start";
      now: number;
      node: string;
      endBy?: number;
      input?: Value;
      grant?: string;
      placement?: Placement;
    }
  | { type: "cmd.complete"; now: number; attempt: number; output: Value }
  /** `retry`: the error and the run's budget allow another attempt; the machine counts what is left. */
  | {
      type: "cmd.fail";
      now: number;
      attempt: number;
      error: Failure;
      retry: boolean;
      retryAt: number;
    }
  | { type: "cmd.skip"; now: number; reason: string; by?: string; output?: Value }
  /** `attempts`: how many it gets beyond those already made. */
  | {
      type: "cmd.retry";
      now: number;
      by: string;
      reason: string;
      attempts: number;
      input?: Value;
    }
  /** Fails a step that is held, with what it was held for. */
  | { type: "cmd.give_up"; now: number; by: string; reason: string }
  | { type: "cmd.cancel"; now: number; reason: string };

/** What a step remembers: plain data, a fold of its events. */
export interface StepContext {
  readonly id: string;
  /** Attempts begun so far; the running attempt's number. Also the fence of its reports. */
  attempt: number;
  maxAttempts: number;
  /** What becomes of it when it fails for good. */
  whenFailed: "fail" | "hold";
  scheduledAt: number | null;
  /** Where it may run and what it takes there, if that was not known before (`StepPlace` of src/domain). */
  place: object | null;
  /** If it has not begun by then, it fails (schedule-to-start). */
  startBy: number | null;
  startedAt: number | null;
  /** If the attempt, or the child run, has not ended by then, it fails (start-to-close). */
  endBy: number | null;
  /** When the last attempt failed after which another follows. */
  failedAt: number | null;
  retryAt: number | null;
  heldAt: number | null;
  endedAt: number | null;
  /** Where the last attempt began, and by which grant if that was not at the run's host. */
  node: string | null;
  grant: string | null;
  /** How many items a mapped step has. */
  items: number | null;
  /** What it gets in place of what the plan says. */
  input: Value | null;
  /** The run that does the step's work, if one of its own does. */
  child: Child | null;
  output: Value | null;
  error: Failure | null;
  /** Why it was skipped, cancelled, retried, failed by somebody or is to stop, and by whom if that was told. */
  reason: string | null;
  by: string | null;
}

/** What a step's actor is created with. */
export interface StepInput {
  id: string;
  maxAttempts: number;
  /** @default "fail" */
  whenFailed?: "fail" | "hold";
}

/** A step as declared, before its first event. */
export const stepContext = (input: StepInput): StepContext => ({
  id: input.id,
  attempt: 0,
  maxAttempts: input.maxAttempts,
  whenFailed: input.whenFailed ?? "fail",
  scheduledAt: null,
  place: null,
  startBy: null,
  startedAt: null,
  endBy: null,
  failedAt: null,
  retryAt: null,
  heldAt: null,
  endedAt: null,
  node: null,
  grant: null,
  items: null,
  input: null,
  child: null,
  output: null,
  error: null,
  reason: null,
  by: null,
});
