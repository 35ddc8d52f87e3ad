/**
 * What programs do with runs, from any process: start, tell, wait, fork; and look (`ReadClient`). Needs the
 * store only, not a worker.
 */

import type { Engine } from "../engine/engine.ts";
import { Journal } from "../engine/reading/journal.ts";
import type { Input } from "../engine/turn/input.ts";
import { MillraceError } from "../kernel/errors.ts";
import { checkId, ID_PATTERN } from "../kernel/ids.ts";
import { Erasures } from "../stores/erasures.ts";
import type { Workflow } from "../workflow/definition.ts";
import { existingRun } from "./existing-run.ts";
import type { ForkOptions } from "./forking/fork-options.ts";
import { type Forking, forkRun } from "./forking/fork-run.ts";
import { type RerunOptions, rerunRun } from "./forking/rerun.ts";
import { queryRun } from "./looking/query-run.ts";
import { Operator } from "./operator.ts";
import type { Views } from "./read-client.ts";
import { RunHandle } from "./run-handle.ts";
import { ScheduleClient } from "./schedules/schedules.ts";
import { type StartOptions, startRun } from "./starting/start-run.ts";
import { type DecisionOptions, decide } from "./telling/approvals.ts";
import { type SignalTarget, type SignalWhereOptions, signalWhere } from "./telling/signal-where.ts";
import {
  type CancelOptions,
  postInput,
  type RequestOptions,
  request,
  sendSignal,
} from "./telling/tell-run.ts";

/** @throws MillraceError `E_WORKFLOW_UNKNOWN` for anything that `graph()` or `workflow()` did not make */
function built(workflow: Workflow | undefined): Workflow {
  if (workflow?.plan !== undefined && ID_PATTERN.test(workflow.name)) return workflow;
  throw new MillraceError(
    "E_WORKFLOW_UNKNOWN",
    "what was given to start() is no workflow; did you forget `.build()`?",
  );
}

export class Client extends Operator {
  /** Schedules: runs that are started by the clock. */
  readonly schedules: ScheduleClient;
  readonly #engine: Engine;
  readonly #workflows: ReadonlyMap<string, Workflow>;
  readonly #views: Views;
  readonly #forking: Forking;

  constructor(
    engine: Engine,
    workflows: ReadonlyMap<string, Workflow>,
    versions: readonly Workflow[],
    views: Views,
  ) {
    super(engine, workflows, versions, views);
    this.#views = views;
    this.#engine = engine;
    this.#workflows = workflows;
    this.schedules = new ScheduleClient({ engine, workflows, ...views });
    this.#forking = {
      engine,
      summaries: views.summaries,
      erasures: new Erasures(engine, new Journal(engine)),
      known: (name) => workflows.get(name),
    };
  }

  /**
   * Starts a run and returns its handle once the start is durable. Idempotent by `id` and input.
   * @param workflow the definition, or the name of one that was given to `open`
   * @throws MillraceError `E_WORKFLOW_UNKNOWN`, `E_RUN_CONFLICT`, `E_SCHEMA`, `E_NOT_JSON`, `E_ID_INVALID`
   */
  async start<I, O>(
    workflow: Workflow<I, O>,
    ...[input, options]: undefined extends I ? [I?, StartOptions?] : [I, StartOptions?]
  ): Promise<RunHandle<O>>;
  async start(
    workflow: string,
    input?: unknown,
    options?: StartOptions,
  ): Promise<RunHandle<unknown>>;
  async start(
    workflow: Workflow | string,
    input?: unknown,
    options: StartOptions = {},
  ): Promise<RunHandle<unknown>> {
    const definition = typeof workflow === "string" ? this.#known(workflow) : built(workflow);
    const parts = { engine: this.#engine, gates: this.#views.gates };
    const { run, position } = await startRun(parts, definition, input, options);
    return new RunHandle(this, this.feed, run, position);
  }

  /** A handle on a run that exists, or will. @throws MillraceError `E_ID_INVALID` */
  handle<O = unknown>(run: string): RunHandle<O> {
    return new RunHandle<O>(this, this.feed, checkId("run id", run), 0);
  }

  /** What the run returned, as soon as it has. Same as `handle(run).result()`. */
  async result(run: string, options: { timeoutMs?: number } = {}): Promise<unknown> {
    await existingRun(this.#engine, run);
    return this.handle(run).result(options);
  }

  /**
   * A new run that goes on where this one was behind one of its events, with something changed: the input,
   * a signal, what steps returned, or the code. What was done before counts as done: it is neither copied
   * nor run again, and must not be erased as long as the fork exists. The run itself stays as it is.
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_OPTION_INVALID`, `E_RUN_CONFLICT`, `E_SCHEMA`, `E_NOT_JSON`;
   * `E_IRREVERSIBLE`; `E_RUN_ERASED` when it is being erased; `E_COMMAND_REFUSED` when a changed result or signal does not fit that place
   */
  async fork<O = unknown>(run: string, options: ForkOptions): Promise<RunHandle<O>> {
    const started = await forkRun(this.#forking, run, options);
    return new RunHandle<O>(this, this.feed, started.run, started.position);
  }

  /**
   * Does a part of a run again: a fork of it in which a step (by default the one that failed), and what
   * depends on it, is done anew. In a code workflow that is everything from where it asked for the step.
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_OPTION_INVALID`, `E_RUN_CONFLICT`, `E_SCHEMA`, `E_NOT_JSON`
   */
  async rerun<O = unknown>(run: string, options: RerunOptions = {}): Promise<RunHandle<O>> {
    const started = await rerunRun(this.#forking, run, options);
    return new RunHandle<O>(this, this.feed, started.run, started.position);
  }

  /**
   * Asks the run what its workflow says can be asked (`queries`). The answer is made here, from its log, by the
   * definition that was given to `open`: no worker is needed, and the run is not touched.
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_WORKFLOW_UNKNOWN`, `E_OPTION_INVALID` (no such query),
   * `E_NOT_JSON`; what the query throws
   */
  query<T = unknown>(run: string, name: string, args?: unknown): Promise<T> {
    return queryRun(this.#engine, this.#workflows, run, { name, args }) as Promise<T>;
  }

  /**
   * Sends a signal. Durable when it resolves; taken once, also when sent again with the same `id`, and
   * also when the run does not wait for it yet or does not exist yet.
   * @throws MillraceError `E_ID_INVALID`, `E_NOT_JSON`, `E_TOO_LARGE`; `E_COMMAND_REFUSED` when the run
   * has ended without it
   */
  signal(
    run: string,
    name: string,
    payload?: unknown,
    options: { id?: string } = {},
  ): Promise<void> {
    return sendSignal(this.#engine, run, name, payload, options);
  }

  /**
   * Sends a signal to every run that has a correlation key, labels or a workflow in common, once per run and
   * `id`. With a key also to runs that are started with it later, for as long as `keep` says.
   * @returns the runs that exist and got it; those that end before they take it do not count
   * @throws MillraceError `E_ID_INVALID`, `E_OPTION_INVALID`, `E_NOT_JSON`, `E_TOO_LARGE`
   */
  signalWhere(
    target: SignalTarget,
    name: string,
    payload?: unknown,
    options: SignalWhereOptions = {},
  ): Promise<readonly string[]> {
    const parts = { engine: this.#engine, index: this.#views.index };
    return signalWhere(parts, target, name, payload, options);
  }

  /**
   * Approves what a run asks people. Durable when it resolves; the first decision of somebody who may
   * decide counts, also one that comes before the run asks, or exists.
   * @param name of the approval, as `pendingApprovals` has it
   * @throws MillraceError `E_ID_INVALID`, `E_OPTION_INVALID`; `E_COMMAND_REFUSED` when the run has ended,
   * when it has been decided, and when `by` may not decide: the last two are in the log all the same
   */
  approve(run: string, name: string, options: DecisionOptions): Promise<void> {
    return decide(this.#engine, run, name, true, options);
  }

  /** Rejects what a run asks people. Otherwise as `approve`. */
  reject(run: string, name: string, options: DecisionOptions): Promise<void> {
    return decide(this.#engine, run, name, false, options);
  }

  /**
   * Asks the run to stop: nothing new begins, and steps that run are asked to stop by their signal. Those
   * that end within the grace period count as ended; the others are stopped. Then what was done is undone,
   * and the run ends as cancelled.
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_OPTION_INVALID`; `E_COMMAND_REFUSED` when it has ended or
   * is being undone
   */
  cancel(run: string, options: CancelOptions = {}): Promise<void> {
    return request(this.#engine, "cancel", run, options);
  }

  /** Begins nothing new until the run is resumed; what runs may end, and signals are kept. */
  pause(run: string, options: RequestOptions = {}): Promise<void> {
    return request(this.#engine, "pause", run, options);
  }

  /** Lets a paused run go on. */
  resume(run: string, options: RequestOptions = {}): Promise<void> {
    return request(this.#engine, "resume", run, options);
  }

  /** Puts an input into the run's inbox, and sees to it that somebody takes it. */
  post(run: string, input: Input): Promise<void> {
    return postInput(this.#engine, run, input);
  }

  #known(name: string): Workflow {
    const workflow = this.#workflows.get(name);
    if (workflow !== undefined) return workflow;
    const known = [...this.#workflows.keys()].join(", ") || "none";
    throw new MillraceError(
      "E_WORKFLOW_UNKNOWN",
      `no workflow named ${JSON.stringify(name)} was given to open(); known: ${known}`,
      { details: { workflow: name } },
    );
  }
}
