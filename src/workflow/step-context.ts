/**
 * What a step function can do besides computing: the one interface between users' steps and
 * whatever runs them. The engine implements it; tests of steps may.
 */
import type { Tick } from "../../machines/run-data.ts";
import type { Logger } from "../kernel/logger.ts";

/** The first argument of every step function, made anew for every attempt. */
export interface StepContext {
  /**
   * Aborts when the attempt must stop: timeout, cancellation, lost lease, shutdown. `signal.reason`
   * is the MillraceError that says why. What the function still returns afterwards is ignored.
   */
  readonly signal: AbortSignal;
  /** 1 for the first attempt; also counts attempts whose process died. */
  readonly attempt: number;
  /**
   * The same for every attempt of this step of this run, and different for every other step. Hand
   * it to the outside world (payment providers, queues) so that an effect is applied once.
   */
  readonly idempotencyKey: string;
  readonly run: {
    readonly id: string;
    readonly workflow: string;
    /** The tick that a schedule started the run for. */
    readonly tick?: Tick;
  };
  /** Id of the process that it runs in. */
  readonly node: string;
  /**
   * The step's id: its name; `name[3]` for an item of a mapped step; `name#2` for a repeated call.
   */
  readonly step: string;
  /** The run's input, as it was recorded. */
  readonly input: unknown;
  readonly log: Logger;
  /** Says that the attempt is alive, and restarts its heartbeat timeout. `detail` is for people. */
  heartbeat(detail?: unknown): void;
  /**
   * Hands out a named value while the step still runs. Recorded before the promise resolves.
   * @param options `parents`: refs of the outputs it was made from
   * @returns the output's ref
   * @throws MillraceError `E_NOT_JSON`, `E_TOO_LARGE`, `E_CTX_CLOSED` once the attempt is over
   */
  emit(
    name: string,
    value: unknown,
    options?: { readonly parents?: readonly string[] },
  ): Promise<string>;
  /**
   * Saves state to go on from; the next attempt finds it with `lastCheckpoint()`.
   * @returns the checkpoint's number: 1, 2, 3 … per run, over all its steps
   * @throws MillraceError `E_NOT_JSON`, `E_TOO_LARGE`, `E_CTX_CLOSED` once the attempt is over
   */
  checkpoint(state: unknown, metadata?: Readonly<Record<string, string>>): Promise<number>;
  /** The newest checkpoint that this step saved, in any attempt. */
  lastCheckpoint(): Promise<Checkpoint | undefined>;
  /**
   * Writes a fact of the user's own into the run's log.
   * @throws MillraceError `E_NOT_JSON`, `E_TOO_LARGE`, `E_CTX_CLOSED` once the attempt is over
   */
  note(name: string, payload: unknown): Promise<void>;
}

/**
 * Undoes what a step did, given its result (annotate it). Done when the run fails or is cancelled after
 * the step has completed, in reverse order of completion: a step of its own, `name~undo`, recorded,
 * tried again by the step's policy (but 4 times at least), and done once. One that fails for good does not stop the others.
 */
export type Undo = (ctx: StepContext, result: never) => unknown;

/** A saved state, as `lastCheckpoint()` gives it back. */
export interface Checkpoint {
  readonly checkpoint: number;
  readonly state: unknown;
  readonly metadata: Readonly<Record<string, string>>;
}
