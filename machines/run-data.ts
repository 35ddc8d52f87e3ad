/**
 * The data of a run: what can happen to it (events), what can be asked of it (commands), what it
 * remembers (context). `run-reducer.ts` has the recipe by which events change that.
 */
import type { ApprovalRequest, AskedApproval, Decision } from "./approval.ts";
import {
  type AdmissionCommand,
  type AdmissionContext,
  type AdmissionEvent,
  admissionContext,
  type Beginning,
  type Entry,
} from "./run-admission.ts";
import type { Chain, ForkPoint, Parent, Tick } from "./run-origin.ts";
import type { Failure, Value } from "./values.ts";

export type { Chain, ForkPoint, Parent, Tick } from "./run-origin.ts";

/** What can happen to a run; recorded, and the only thing that moves it. */
export type RunEvent =
  | AdmissionEvent
  | ({
      type: "run.created";
      at: number;
      workflow: string;
      /** Digest of workflow name and input: the same id with the same content is the same run. */
      content: string;
      input: Value;
      /**
       * The compiled workflow as frozen at the start (`Plan` of src/domain/plan.ts); null: whoever
       * started it does not have the workflow, and its first host freezes it (`run.planned`).
       */
      plan: unknown;
      labels?: Readonly<Record<string, string>>;
      /** Signals sent to this key reach it. */
      correlation?: string;
      /** If it has not ended by then, it fails. */
      deadline?: number;
      /**
       * It goes on where another run was right after event `seq`: what had been done there counts as done
       * here, by reference. `reset`: steps of it that are to be done anew.
       */
      forkOf?: ForkPoint;
      parent?: Parent;
      tick?: Tick;
      chain?: Chain;
    } & Beginning)
  /** What a run that was started by the name of its workflow lacked. `input`: what its schema made of it. */
  | ({ type: "run.planned"; at: number; plan: unknown; input?: Value; deadline?: number } & Entry)
  /** Somebody has moved it to another version of its workflow: from here on this plan decides. */
  | { type: "run.migrated"; at: number; plan: unknown; by: string; reason: string }
  /** `lease`: what a peer needs to give the ticket back when this host is dead. */
  | { type: "run.claimed"; at: number; epoch: number; node: string; lease: string }
  /** `error`: it could not be gone on with, for the `faults`-th time in a row. */
  | {
      type: "run.parked";
      at: number;
      reason: string;
      until: number | null;
      error?: Failure;
      faults?: number;
    }
  /** Nothing new begins until it is resumed; what runs may end. */
  | { type: "run.paused"; at: number; by: string; reason: string }
  | { type: "run.resumed"; at: number; by: string }
  /** Steps that run are asked to stop; those that have not ended by `until` (absent: at once) are stopped. */
  | { type: "run.cancelling"; at: number; by: string; reason: string; until?: number }
  /** What its steps have done is undone, the last first. `error`: why it will fail; absent: it was cancelled. */
  | { type: "run.compensating"; at: number; error?: Failure }
  | { type: "run.completed"; at: number; output: Value }
  | { type: "run.failed"; at: number; error: Failure }
  | { type: "run.cancelled"; at: number }
  /** It was ended at once; what its steps did stays done. */
  | { type: "run.terminated"; at: number; by: string; reason: string }
  /** It goes on as another run, which is owed from here on. */
  | { type: "run.continued"; at: number; next: string; input: Value }
  | { type: "timer.set"; at: number; timer: string; due: number }
  | { type: "timer.fired"; at: number; timer: string }
  /** Nobody sleeps until then any more: the step that did was skipped or cancelled. */
  | { type: "timer.cancelled"; at: number; timer: string }
  /** `decision`: it decides the approval of that name. */
  | {
      type: "signal.received";
      at: number;
      signal: string;
      name: string;
      payload: Value;
      decision?: Decision;
    }
  /** A decision that does not count: of somebody who may not decide, or after another. */
  | { type: "signal.refused"; at: number; signal: string; reason: string }
  /**
   * The run waits for a signal of this name, until `due` if there is one. `approval`: for one that
   * carries a decision; its name is then that of the wait.
   */
  | {
      type: "wait.opened";
      at: number;
      wait: string;
      name: string;
      due: number | null;
      approval?: ApprovalRequest;
    }
  /** The wait has got its signal: nobody else gets it. */
  | { type: "wait.matched"; at: number; wait: string; signal: string }
  /** No signal came in time. */
  | { type: "wait.expired"; at: number; wait: string }
  /** Nobody waits for it any more: the step that did was skipped or cancelled. */
  | { type: "wait.cancelled"; at: number; wait: string };

/** What can be asked of a run; never recorded. Time and ids come in with it. */
export type RunCommand =
  | AdmissionCommand
  | { type: "cmd.claim"; now: number; node: string; lease: string }
  | {
      type: "cmd.park";
      now: number;
      reason: string;
      until: number | null;
      error?: Failure;
      faults?: number;
    }
  | { type: "cmd.complete"; now: number; output: Value }
  | ({ type: "cmd.plan"; now: number; plan: unknown; input?: Value; deadline?: number } & Entry)
  | { type: "cmd.migrate"; now: number; plan: unknown; by: string; reason: string }
  | { type: "cmd.continue"; now: number; next: string; input: Value }
  | { type: "cmd.fail"; now: number; error: Failure }
  /** Asks for the end of the run; its steps may end by themselves until `until` (absent: at once). */
  | { type: "cmd.cancel"; now: number; by: string; reason: string; until?: number }
  /** Ends the run at once, whatever it is at. */
  | { type: "cmd.terminate"; now: number; by: string; reason: string }
  | { type: "cmd.pause"; now: number; by: string; reason: string }
  | { type: "cmd.resume"; now: number; by: string }
  | { type: "cmd.compensate"; now: number; error?: Failure }
  /** All steps have ended: the cancellation is done. */
  | { type: "cmd.close"; now: number }
  | { type: "cmd.set_timer"; now: number; timer: string; due: number }
  | { type: "cmd.fire_timer"; now: number; timer: string }
  | { type: "cmd.cancel_timer"; now: number; timer: string }
  | {
      type: "cmd.signal";
      now: number;
      signal: string;
      name: string;
      payload: Value;
      decision?: Decision;
    }
  | { type: "cmd.refuse_signal"; now: number; signal: string; reason: string }
  | {
      type: "cmd.open_wait";
      now: number;
      wait: string;
      name: string;
      due: number | null;
      approval?: ApprovalRequest;
    }
  | { type: "cmd.match_wait"; now: number; wait: string; signal: string }
  | { type: "cmd.expire_wait"; now: number; wait: string }
  | { type: "cmd.cancel_wait"; now: number; wait: string };

/** A timer that is set and has not fired. */
export interface OpenTimer {
  readonly since: number;
  readonly due: number;
}

/** What a run waits for from outside. */
export interface OpenWait {
  readonly name: string;
  readonly since: number;
  readonly due: number | null;
  /** What is asked, when a person is to decide. */
  readonly approval?: ApprovalRequest;
}

/** A signal that the run has taken. */
export interface Signal {
  readonly id: string;
  readonly name: string;
  readonly payload: Value;
  /** When the run took it. */
  readonly at: number;
  readonly decision?: Decision;
  /** It is a decision that does not count. */
  readonly refused?: true;
  /** The wait that it answered; null: none has taken it yet. */
  readonly takenBy: string | null;
}

/** What a run remembers: plain data, a fold of its events. */
export interface RunContext extends AdmissionContext {
  readonly id: string;
  workflow: string;
  content: string;
  labels: Readonly<Record<string, string>>;
  /** The run that it branched off, and where; null: none. */
  forkOf: ForkPoint | null;
  input: Value;
  /** Its workflow is frozen into its log. */
  planned: boolean;
  parent: Parent | null;
  tick: Tick | null;
  chain: Chain | null;
  /** The run that goes on where this one ended, and its input. */
  next: { readonly run: string; readonly input: Value } | null;
  createdAt: number;
  updatedAt: number;
  endedAt: number | null;
  /** How often the run was claimed; who hosts it now, and by which lease. */
  epoch: number;
  node: string | null;
  lease: string | null;
  parkedReason: string | null;
  parkedUntil: number | null;
  /** Why it could not be gone on with, and how often in a row; null and 0: it could. */
  parkedError: Failure | null;
  faults: number;
  /** Who paused it, when and why; null: it is not paused. */
  paused: { readonly by: string; readonly at: number; readonly reason: string } | null;
  /** If it has not ended by then, it fails. */
  deadline: number | null;
  /** Signals sent to this key reach it. */
  correlation: string | null;
  /** Who asked for its end (cancelled, terminated), and why. */
  cancelledBy: string | null;
  cancelReason: string | null;
  /** By then its steps may end by themselves. */
  cancelUntil: number | null;
  /** Timers that are set and have not fired. */
  timers: Record<string, OpenTimer>;
  /** When each timer that is over fired, or was cancelled; a name is used once. */
  fired: Record<string, number>;
  waits: Record<string, OpenWait>;
  /** Waits that have ended: the id of the signal that answered, or null when none came in time. */
  waited: Record<string, string | null>;
  /** What each approval asks, or asked. */
  approvals: Record<string, AskedApproval>;
  /** In the order in which they were taken. */
  signals: Signal[];
  /**
   * Where in `signals` each id is, -1 for those that earlier runs of the chain have taken: a signal is
   * taken once, however often it is sent.
   */
  taken: Record<string, number>;
  output: Value | null;
  error: Failure | null;
}

/** What a run's actor is created with. */
export interface RunInput {
  id: string;
}

/** A run before its first event. */
export const runContext = (input: RunInput): RunContext => ({
  id: input.id,
  workflow: "",
  content: "",
  labels: {},
  forkOf: null,
  input: { json: null },
  planned: false,
  parent: null,
  tick: null,
  chain: null,
  next: null,
  createdAt: 0,
  updatedAt: 0,
  endedAt: null,
  epoch: 0,
  node: null,
  lease: null,
  parkedReason: null,
  parkedUntil: null,
  parkedError: null,
  faults: 0,
  paused: null,
  deadline: null,
  ...admissionContext(),
  correlation: null,
  cancelledBy: null,
  cancelReason: null,
  cancelUntil: null,
  timers: {},
  fired: {},
  waits: {},
  waited: {},
  approvals: {},
  signals: [],
  taken: {},
  output: null,
  error: null,
});
