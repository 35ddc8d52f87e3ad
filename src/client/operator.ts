/**
 * What operators do with runs, from any process: end them at once, say what becomes of steps that are
 * out of attempts, find what is in trouble. `Client` has these beside what programs do.
 */
import type { Engine } from "../engine/engine.ts";
import type { Workflow } from "../workflow/definition.ts";
import { type FailuresOptions, listFailures, type Trouble } from "./looking/failures.ts";
import { ReadClient, type Views } from "./read-client.ts";
import {
  failStep,
  type RetryStepOptions,
  retryStep,
  type SkipStepOptions,
  skipStep,
  terminateRun,
} from "./telling/operate.ts";
import type { RequestOptions } from "./telling/tell-run.ts";
import {
  type CheckUpgradeOptions,
  checkUpgrade,
  type UpgradeReport,
} from "./upgrading/check-upgrade.ts";
import { type MigrateOptions, migrateRun } from "./upgrading/migrate-run.ts";

export class Operator extends ReadClient {
  readonly #engine: Engine;
  readonly #workflows: ReadonlyMap<string, Workflow>;
  readonly #versions: readonly Workflow[];
  readonly #views: Views;

  /** @param versions all that was given to `open`; `workflows`: of each name the first */
  constructor(
    engine: Engine,
    workflows: ReadonlyMap<string, Workflow>,
    versions: readonly Workflow[],
    views: Views,
  ) {
    super(engine, views);
    this.#versions = versions;
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

  /**
   * Moves a run to another version of its workflow, if it could have come to where it is with that one; then
   * whoever has it goes on with the run. Recorded when it resolves; nothing is done when the run is on it.
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_OPTION_INVALID`, `E_VERSION_UNKNOWN`; `E_COMMAND_REFUSED` when
   * its history does not fit (`details.seq`: at which event), while steps of it run, and when it has ended
   */
  migrate(run: string, options: MigrateOptions): Promise<void> {
    return migrateRun(this.#engine, run, options, this.#versions);
  }

  /**
   * Which runs that are under way would not go on with these workflows, and why. For a look before a deploy:
   * nothing is written. Reads the whole history of each of them, one after the other.
   * @throws MillraceError `E_OPTION_INVALID`
   */
  checkUpgrade(
    workflows: readonly Workflow[],
    options: CheckUpgradeOptions = {},
  ): Promise<UpgradeReport> {
    return checkUpgrade(this.#engine, this.#views.summaries, workflows, options);
  }

  /** What is in trouble: held steps, runs that cannot go on, runs that failed; the newest first. */
  failures(options: FailuresOptions = {}): Promise<readonly Trouble[]> {
    return listFailures(this.#views.summaries, options);
  }
}
