/**
 * The step-run store: the durable record of the steps of a run, for orchestrators that run the
 * steps themselves. A step is claimed by one of any number of callers in any number of processes,
 * and what is reported later is taken only from who holds the claim.
 */
import type { Value } from "../../machines/values.ts";
import type { RunState } from "../domain/state.ts";
import type { Engine } from "../engine/engine.ts";
import type { Journal } from "../engine/reading/journal.ts";
import { fromValue, toValue } from "../engine/values/values.ts";
import { type Duration, millis } from "../kernel/duration.ts";
import { MillraceError } from "../kernel/errors.ts";
import { checkId } from "../kernel/ids.ts";
import type { Json } from "../kernel/json.ts";
import { limits } from "../kernel/limits.ts";
import { beginDriven, type DrivenRun } from "./driven-run.ts";
import { givenFailure } from "./given-failure.ts";
import {
  declaredStatuses,
  draftedRow,
  type RecordedStepRun,
  recordedRow,
  recordedStatuses,
  type StepRun,
  type StepRunStatus,
} from "./step-run-store-rows.ts";
import { decideBegin, decideReport, decideSchedule, type Report } from "./step-run-store-rules.ts";

/** Defaults for claims; each call can say otherwise. */
export interface StepRunStoreOptions {
  /** How long a claim is safe from others; after that it can be taken over. @default for ever */
  readonly lease?: Duration;
  /** Who claims, as recorded. @default the id of this process */
  readonly owner?: string;
  /** Attempts that a step may have in all. @default 1000 */
  readonly maxAttempts?: number;
}

/** Whether the call scheduled the step, and the step run as it is. */
export interface ScheduleResult {
  /** False: it had been scheduled, begun or ended before, and is as it was. */
  readonly schedule: boolean;
  readonly stepRun: StepRun;
}

/** Whether the caller executes the step. */
export type BeginResult =
  /** The caller has the step, and reports its outcome with this fence. */
  | { readonly execute: true; readonly fence: number; readonly stepRun: StepRun }
  /** Somebody else has it, or it has ended: there is nothing to do. */
  | { readonly execute: false; readonly stepRun: StepRun };

export class StepRunStore {
  readonly #engine: Engine;
  readonly #journal: Journal;
  readonly #options: StepRunStoreOptions;

  /** @param options defaults for all calls; each call can say otherwise */
  constructor(engine: Engine, journal: Journal, options: StepRunStoreOptions = {}) {
    this.#engine = engine;
    this.#journal = journal;
    this.#options = options;
  }

  /**
   * Begins a run driven by hand; the same id with the same content again is the same run. An id
   * whose run was deleted begins anew.
   * @throws MillraceError `E_RUN_CONFLICT`, `E_ID_INVALID`, `E_NOT_JSON`, `E_TOO_LARGE`
   */
  createRun(run: string, begun: DrivenRun): Promise<void> {
    return beginDriven(this.#journal, this.#engine, run, begun);
  }

  /**
   * Records that a step may be begun, with its input, unless anything happened to it before.
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_COMMAND_REFUSED` (the run has ended or is paused,
   * or is not driven by hand), `E_ID_INVALID`, `E_NOT_JSON`, `E_TOO_LARGE`
   */
  async scheduleStep(
    run: string,
    step: string,
    input?: unknown,
    options: Pick<StepRunStoreOptions, "maxAttempts"> = {},
  ): Promise<ScheduleResult> {
    const { id, name, value } = await this.#given(run, step, input);
    const { maxAttempts = this.#options.maxAttempts } = options;
    const attempts = checkAttempts(maxAttempts);
    const { schedule, row, state } = await this.#journal.amend(id, (draft, notes) => ({
      schedule: decideSchedule(draft, name, value, attempts),
      row: draftedRow(draft, notes, name),
      state: draft.state,
    }));
    return { schedule, stepRun: await this.#open(row, state) };
  }

  /**
   * Claims a step. Of any number of callers one executes it; a step that was scheduled keeps its
   * input, one that failed takes the new one, and one that nobody scheduled is begun all the same.
   * A claim whose lease has run out is taken over, with a new fence.
   * @throws MillraceError as `scheduleStep`
   */
  async beginStep(
    run: string,
    step: string,
    input?: unknown,
    options: StepRunStoreOptions = {},
  ): Promise<BeginResult> {
    const { id, name, value } = await this.#given(run, step, input);
    const { lease, owner = this.#engine.node, maxAttempts } = { ...this.#options, ...options };
    const leaseMs = lease === undefined ? undefined : millis("lease", lease);
    const begin = { input: value, owner, leaseMs, maxAttempts: checkAttempts(maxAttempts) };
    const { fence, row, state } = await this.#journal.amend(id, (draft, notes) => ({
      fence: decideBegin(draft, name, begin),
      row: draftedRow(draft, notes, name),
      state: draft.state,
    }));
    const stepRun = await this.#open(row, state);
    return fence === undefined ? { execute: false, stepRun } : { execute: true, fence, stepRun };
  }

  /**
   * Records what a step put out. The same report again changes nothing.
   * @param id of the step run
   * @param fence as `beginStep` gave it
   * @throws MillraceError `E_STEP_NOT_FOUND`; `E_STALE_STEP` when the step does not run, or another
   * has claimed it since (what was recorded stays, and an anomaly is recorded); `E_NOT_JSON`,
   * `E_TOO_LARGE`
   */
  async completeStep(id: string, fence: number, output?: unknown): Promise<StepRun> {
    const { run, step } = splitId(id);
    const recorded = await toValue(this.#engine.store.blobs, `output of step ${step}`, output);
    return this.#report(run, step, fence, { kind: "complete", output: recorded });
  }

  /**
   * Records why a step failed; it can be begun again then, while it has attempts left.
   * @param error anything thrown, text, or an object with `message` and perhaps `code`
   * @throws MillraceError as `completeStep`
   */
  async failStep(id: string, fence: number, error: unknown): Promise<StepRun> {
    const { run, step } = splitId(id);
    return this.#report(run, step, fence, { kind: "fail", error: givenFailure(error) });
  }

  /** The row of a step; undefined when nothing ever happened to it, or there is no such run. */
  async getStepRun(run: string, step: string): Promise<StepRun | undefined> {
    const { row, state } = await this.#journal.read(checkId("run id", run), (state, notes) => ({
      row: recordedRow(state, notes.steps.byStep.get(step), step),
      state,
    }));
    return row === undefined ? undefined : this.#open(row, state);
  }

  /** Names of the completed steps, in the order in which they completed. */
  completedSteps(run: string): Promise<readonly string[]> {
    return this.#journal.read(checkId("run id", run), (_, { steps }) => [...steps.completed]);
  }

  /** Outputs of the completed steps, in the order in which they completed. */
  async completedOutputs(run: string): Promise<readonly Json[]> {
    const { state, outputs } = await this.#journal.read(checkId("run id", run), (state, notes) => ({
      state,
      outputs: notes.steps.completed.map((step) => state.steps.get(step)?.context.output ?? null),
    }));
    return Promise.all(outputs.map((output) => this.#json(output, state)));
  }

  /**
   * Statuses by step. `recorded`: the steps that have a row, in the order in which they got it.
   * `declared`: the steps that the run or its workflow declares, `waiting` where there is no row
   * yet, then all others.
   * @param options.view @default "recorded"
   */
  stepStatuses(
    run: string,
    options: { readonly view?: "recorded" | "declared" } = {},
  ): Promise<ReadonlyMap<string, StepRunStatus>> {
    const statuses = options.view === "declared" ? declaredStatuses : recordedStatuses;
    return this.#journal.read(checkId("run id", run), statuses);
  }

  async #given(run: string, step: string, input: unknown) {
    const id = checkId("run id", run);
    const name = checkId("step name", step);
    const value = await toValue(this.#engine.store.blobs, `input of step ${name}`, input);
    return { id, name, value };
  }

  async #report(run: string, step: string, fence: number, report: Report): Promise<StepRun> {
    const { taken, row, state } = await this.#journal.amend(run, (draft, notes) => ({
      taken: decideReport(draft, step, fence, report),
      row: draftedRow(draft, notes, step),
      state: draft.state,
    }));
    if (taken) return this.#open(row, state);
    throw new MillraceError(
      "E_STALE_STEP",
      `${report.kind} step ${step} of run ${run}: fence ${fence} is not the one that runs; the step is ${row.status}, its last attempt ${row.attempt}. Nothing was changed; drop this result, or claim the step again`,
      { details: { run, step, fence, status: row.status, attempt: row.attempt } },
    );
  }

  /** @param state of the run, then or later: what an ended step put out does not change any more */
  async #open(row: RecordedStepRun, state: RunState): Promise<StepRun> {
    const input = await this.#json(row.input, state);
    return { ...row, input, output: await this.#json(row.output, state) };
  }

  async #json(value: Value | null, state: RunState): Promise<Json> {
    return value === null ? null : fromValue(this.#engine.store.blobs, value, state);
  }
}

function splitId(id: string): { readonly run: string; readonly step: string } {
  const [run, step, ...rest] = typeof id === "string" ? id.split("/") : [];
  if (run !== undefined && step !== undefined && rest.length === 0) {
    return { run: checkId("run id", run), step };
  }
  throw new MillraceError(
    "E_STEP_NOT_FOUND",
    `${JSON.stringify(id)} is no id of a step run; take it from a step run's \`id\``,
  );
}

function checkAttempts(count: number | undefined): number | undefined {
  if (count === undefined) return undefined;
  if (Number.isSafeInteger(count) && count >= 1 && count <= limits.attemptsMax) return count;
  throw new MillraceError(
    "E_OPTION_INVALID",
    `maxAttempts: ${count} is not a whole number from 1 to ${limits.attemptsMax}`,
    { details: { option: "maxAttempts" } },
  );
}
