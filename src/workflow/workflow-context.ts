/**
 * What the function of a code workflow may do. Everything it asks for is recorded by name and order
 * and answered from the log when the function is run again, so between the calls it must be
 * deterministic: time from `now()`, everything else (randomness, files, network) inside `run`.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Tick } from "../../machines/run-data.ts";
import type { Approval } from "../domain/approvals.ts";
import type { Duration } from "../kernel/duration.ts";
import type { AnyInstant } from "../kernel/instant.ts";
import type { ApprovalOptions } from "./approval-options.ts";
import type { ChildRunOptions, Startable } from "./child-run-options.ts";
import type { PolicyOptions } from "./policy.ts";
import type { StepContext, Undo } from "./step-context.ts";
import type { MaybeSchema, ResultOf } from "./workflow-options.ts";

/** How a step of a code workflow is run: see `PolicyOptions` for the defaults. */
export interface CallOptions<Checked extends MaybeSchema = MaybeSchema> extends PolicyOptions {
  /** What the result must look like; the workflow gets what it makes of the result. */
  readonly output?: Checked;
  /** Undoes the step: see `Undo`. @default nothing is undone */
  readonly undo?: Undo;
}

/** How a child run is asked for. */
export interface ChildOptions extends ChildRunOptions {
  /**
   * The run's id. @default one that follows from the parent's id and the child's name: the same whenever the
   * function is run again
   */
  readonly id?: string;
}

/** How several child runs are asked for. */
export interface ChildrenOptions extends ChildRunOptions {
  /** Children that may be under way at once. @default no bound but that of the workers */
  readonly concurrency?: number;
}

/** A child run that was asked for; it begins whether or not its result is waited for. */
export interface StartedChild<O> {
  /** The run's id. */
  readonly id: string;
  /** @returns its result; rejects with MillraceError `E_CHILD_FAILED` */
  result(): Promise<O>;
}

/** What follows the workflow in a call for a child: an input, unless it takes none, and options. */
type Given<I, Options> = undefined extends I
  ? [input?: I, options?: Options]
  : [input: I, options?: Options];

/** Which signal is waited for, and how long. */
export interface WaitOptions<T> {
  /** What the payload must look like, decided without I/O. @default anything */
  readonly schema?: StandardSchemaV1<unknown, T>;
  /** Gives up after this long. @default never */
  readonly timeout?: Duration;
  /** Takes only payloads that it says true to; deterministic. @default all */
  readonly where?: (payload: unknown) => boolean;
}

/**
 * The first argument of a code workflow's function. Every method throws MillraceError
 * `E_CTX_CLOSED` once the function has ended or was stopped.
 */
export interface WorkflowContext {
  /** The run's input, as it was recorded. */
  readonly input: unknown;
  readonly runId: string;
  /** The tick that a schedule started the run for; undefined: none did. */
  readonly tick: Tick | undefined;
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
  /**
   * A run of another workflow, or of the same, whose result this run waits for. It has an id, a log and
   * retries of its own, and is asked to stop when this run ends before it (`onParentClose`). The k-th step or
   * child of the same name gets the id `name#k`.
   * @param workflow a definition, or the name of one that another process may have
   * @returns its result; rejects with MillraceError `E_CHILD_FAILED`, its cause what the child failed with
   * @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_OPTION_INVALID`, `E_NOT_JSON`
   */
  child<I, O>(
    name: string,
    workflow: Startable<I, O>,
    ...given: Given<I, ChildOptions>
  ): Promise<O>;
  child(name: string, workflow: string, input?: unknown, options?: ChildOptions): Promise<unknown>;
  /** As `child`, for a run whose id is wanted, or whose result is waited for later or not at all. */
  startChild<I, O>(
    name: string,
    workflow: Startable<I, O>,
    ...given: Given<I, ChildOptions>
  ): StartedChild<O>;
  startChild(
    name: string,
    workflow: string,
    input?: unknown,
    options?: ChildOptions,
  ): StartedChild<unknown>;
  /**
   * A child run for each input, up to 100,000. The first that fails stops the others.
   * @returns their results, in the order of the inputs; rejects as `child` does
   * @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_OPTION_INVALID`, `E_NOT_JSON`, `E_TOO_LARGE`
   */
  children<I, O>(
    name: string,
    workflow: Startable<I, O>,
    inputs: readonly I[],
    options?: ChildrenOptions,
  ): Promise<O[]>;
  children(
    name: string,
    workflow: string,
    inputs: readonly unknown[],
    options?: ChildrenOptions,
  ): Promise<unknown[]>;
  /**
   * Ends this run; another run of the workflow goes on with this input, from the beginning of its function,
   * with an empty log, the labels and the parent of this run, and the signals that it has not taken. What
   * is still under way is stopped. For loops without end.
   * @throws MillraceError `E_NOT_JSON`
   */
  continueAsNew(input?: unknown): Promise<never>;
  /**
   * Does so if the history has come to the length that the workflow says (`continueAt`), and otherwise nothing:
   * for a loop without end, once per round. Steps and waits that have not ended are given up, as by
   * `continueAsNew`.
   */
  continueIfLong(input?: unknown): Promise<void>;
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
   * Resolves at `instant`, at once if that has passed: a Date, ms since the epoch, or text with its offset
   * from UTC ("2026-12-24T18:00:00Z"). It shares its names with `sleep`.
   * @throws MillraceError `E_ID_INVALID`, `E_OPTION_INVALID`
   */
  sleepUntil(name: string, instant: AnyInstant): Promise<void>;
  /**
   * The payload of a signal: of the first of that name which no other wait has taken and which `where`
   * takes, also one that came before anybody waited. With a timeout, `undefined` when none came in
   * time; exactly one of the two happens, and the log says which. A wait that lost a race still takes
   * its signal.
   * @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_OPTION_INVALID`; rejects with `E_SCHEMA`
   */
  waitFor<T = unknown>(
    name: string,
    options: WaitOptions<T> & { readonly timeout: Duration },
  ): Promise<T | undefined>;
  waitFor<T = unknown>(name: string, options?: WaitOptions<T>): Promise<T>;
  /**
   * Asks people for a decision (`client.approve`, `client.reject`) and waits for it. It is asked for at
   * once: call it before the step that tells people about it, and await it after. The k-th of a name is
   * decided as `name#k`. The first decision of somebody who may decide counts, also one that came before
   * it was asked for; every other is refused, and recorded as refused.
   * @returns what was decided; with a timeout, what `onTimeout` says when nobody did in time
   * @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_OPTION_INVALID`; rejects with `E_TIMEOUT`
   * when nobody decided in time and `onTimeout` is "fail"
   */
  approve(name: string, options: ApprovalOptions): Promise<Approval>;
  /**
   * How many events the run had when the last answer was delivered: the same in every re-run. For loops that
   * `continueAsNew` before their history is long; a run has at most 1,000,000 events.
   */
  historyLength(): number;
  /** Time of the last answer that was delivered (ms since the epoch): the same in every re-run. */
  now(): number;
}
