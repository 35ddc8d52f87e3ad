/**
 * What operators do with runs, from any process: end them at once, say what becomes of steps that are
 * out of attempts, find what is in trouble. `Client` has these beside what programs do.
 */
import type { Engine } from "../engine/engine.ts";
import type { Workflow } from "../workflow/definition.ts";
import { type FailuresOptions, listFailures, type Trouble } from "./failures.ts";
import {
  failStep,
  type RetryStepOptions,
  retryStep,
  type SkipStepOptions,
  skipStep,
  terminateRun,
} from "./operate.ts";
import { ReadClient, type Views } from "./read-client.ts";
import type { RequestOptions } from "./tell-run.ts";

export class Operator extends ReadClient {
  readonly #engine: Engine;
  readonly #workflows: ReadonlyMap<string, Workflow>;
  readonly #views: Views;

  constructor(engine: Engine, workflows: ReadonlyMap<string, Workflow>, views: Views) {
    super(engine, views);
    this.#engine = engine;
    this.#workflows = workflows;
    this.#views = views;
  }

  /**
   * Ends the run at once, whatever it is at: its steps are stopped, and nothing is undone. Done when it
   * resolves; needs no process that has the workflow's code.
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_OPTION_INVALID`, `E_COMMAND_REFUSED` when it has ended
   */
  terminate(run: string, options: RequestOptions = {}): Promise<void> {
    return terminateRun(this.#engine, run, options);
  }

  /**
   * Has a step tried again at once that is held, waits for its next attempt, or runs (an attempt that runs
   * is given up: what it still returns comes too late).
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_STEP_NOT_FOUND`, `E_OPTION_INVALID`, `E_COMMAND_REFUSED`
   */
  retryStep(run: string, step: string, options: RetryStepOptions = {}): Promise<void> {
    return retryStep(this.#engine, run, step, options);
  }

  /**
   * Goes on without a step that has not ended: others get the given output in place of its result. What it
   * may have done is not undone later.
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_STEP_NOT_FOUND`, `E_OPTION_INVALID`, `E_COMMAND_REFUSED`,
   * `E_NOT_JSON`; `E_SCHEMA` when this process knows that the output does not fit
   */
  skipStep(run: string, step: string, options: SkipStepOptions = {}): Promise<void> {
    const workflowOf = (name: string) => this.#workflows.get(name);
    return skipStep(this.#engine, run, step, options, workflowOf);
  }

  /**
   * Lets a step that is held fail, with what it was held for.
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_STEP_NOT_FOUND`, `E_OPTION_INVALID`, `E_COMMAND_REFUSED`
   */
  failStep(run: string, step: string, options: RequestOptions = {}): Promise<void> {
    return failStep(this.#engine, run, step, options);
  }

  /** What is in trouble: held steps, runs that cannot go on, runs that failed; the newest first. */
  failures(options: FailuresOptions = {}): Promise<readonly Trouble[]> {
    return listFailures(this.#views.summaries, options);
  }
}
