/** The attempts of one run that run in this process. Each holds a slot until it has ended. */
import { itemOf, undoOf } from "../domain/plan.ts";
import { planStep, type RunState } from "../domain/state.ts";
import { MillraceError } from "../kernel/errors.ts";
import type { StepBody } from "../workflow/definition.ts";
import type { RunningAttempt } from "./attempt.ts";
import { launch } from "./launch.ts";
import type { Note, Report } from "./mail.ts";
import type { Slots } from "./slots.ts";
import { policyOf, type TurnContext } from "./turn.ts";

/** What attempts need of the run they belong to. */
export interface AttemptsOptions {
  readonly slots: Slots;
  /** Puts what an attempt says into the run's mailbox. */
  deliver(mail: Note | Report): void;
}

export class Attempts {
  readonly #options: AttemptsOptions;
  readonly #running = new Map<string, RunningAttempt>();

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#running.size;
  }

  /** Begins the attempt that a commit has just recorded. Its slot was taken for that commit. */
  begin(context: TurnContext, state: RunState, step: string): void {
    const { deliver, slots } = this.#options;
    const attempt = launch({
      engine: context.engine,
      state,
      results: context.results,
      step,
      body: bodyOf(context, state, step),
      policy: policyOf(context, state, step),
      post: deliver,
    });
    this.#running.set(step, attempt);
    // Never rejects: what goes wrong is the outcome.
    void attempt.done.then((outcome) => {
      slots.release();
      if (this.#running.get(step) !== attempt) return;
      this.#running.delete(step);
      deliver({ kind: "report", step, attempt: attempt.attempt, outcome });
    });
  }

  /** Stops attempts whose step is not running any more: cancelled, or ended otherwise. */
  stopEnded(state: RunState): void {
    for (const [step, attempt] of this.#running) {
      if (state.running.has(step)) continue;
      this.#running.delete(step);
      attempt.abort(
        new MillraceError("E_RUN_CANCELLED", `step ${step} of run ${state.id} was stopped`),
      );
    }
  }

  /** Stops all of them; none is reported. */
  abort(reason: MillraceError): void {
    const attempts = [...this.#running.values()];
    this.#running.clear();
    for (const attempt of attempts) attempt.abort(reason);
  }
}

function bodyOf(context: TurnContext, state: RunState, step: string): StepBody {
  const undone = undoOf(step);
  if (undone !== undefined) {
    const { undo } = bodyOf(context, state, undone);
    if (undo !== undefined) return { run: undo };
  }
  const { workflow, driver } = context;
  const body =
    workflow.kind === "graph"
      ? workflow.bodies.get(planStep(state, step)?.name ?? step)
      : driver?.body(itemOf(step)?.step ?? step)?.body;
  if (body !== undefined) return body;
  throw new MillraceError(
    "E_WORKFLOW_UNKNOWN",
    `this process has no code for step ${step} of workflow ${workflow.name}; give open() the version that the run began with`,
    { details: { workflow: workflow.name, step } },
  );
}
