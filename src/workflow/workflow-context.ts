/**
 * What the function of a code workflow may do. Everything it asks for is recorded by name and order
 * and answered from the log when the function is run again, so between the calls it must be
 * deterministic: time from `now()`, everything else (randomness, files, network) inside `run`.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Duration } from "../kernel/duration.ts";
import type { PolicyOptions } from "./policy.ts";
import type { StepContext } from "./step-context.ts";
import type { MaybeSchema, ResultOf } from "./workflow-options.ts";

/** How a step of a code workflow is run: see `PolicyOptions` for the defaults. */
export interface CallOptions<Checked extends MaybeSchema = MaybeSchema> extends PolicyOptions {
  /** What the result must look like; the workflow gets what it makes of the result. */
  readonly output?: Checked;
}

/**
 * The first argument of a code workflow's function. Every method throws MillraceError
 * `E_CTX_CLOSED` once the function has ended or was stopped.
 */
export interface WorkflowContext {
  /** The run's input, as it was recorded. */
  readonly input: unknown;
  readonly runId: string;
  /**
   * Runs `fn` as a step. It is asked for at once and runs beside others; await it when its result
   * is needed. The k-th step of the same name gets the id `name#k`.
   * @returns its result; rejects with MillraceError `E_STEP_FAILED` when it failed for good
   * @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_OPTION_INVALID`
   */
  run<T, Checked extends MaybeSchema = undefined>(
    name: string,
    fn: (ctx: StepContext) => T,
    options?: CallOptions<Checked>,
  ): Promise<ResultOf<T, Checked>>;
  /** `Promise.all` for a list or a record of promises; a record gives a record. */
  all<const T extends readonly unknown[]>(
    promises: T,
  ): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }>;
  all<T extends object>(promises: T): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }>;
  /**
   * Resolves after `duration`. The run may leave memory meanwhile; the timer is durable.
   * @throws MillraceError `E_ID_INVALID`, `E_OPTION_INVALID`
   */
  sleep(name: string, duration: Duration): Promise<void>;
  /**
   * The payload of a signal. The k-th `waitFor` of a name gets the k-th signal of that name, also
   * one that came before anybody waited. One that lost a race still takes its signal.
   * @param options `schema`: what the payload must look like, decided without I/O; rejects with
   *   `E_SCHEMA` if it does not
   * @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`
   */
  waitFor<T = unknown>(
    name: string,
    options?: { readonly schema?: StandardSchemaV1<unknown, T> },
  ): Promise<T>;
  /** Time of the last answer that was delivered (ms since the epoch): the same in every re-run. */
  now(): number;
}
