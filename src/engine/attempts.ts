/** The attempts of one run that run in this process. Each holds a slot until it has ended. */
import { type RunState, stepActor } from "../domain/state.ts";
import type { NoteEvent } from "../events/vocabulary.ts";
import { deferred } from "../kernel/async.ts";
import { MillraceError } from "../kernel/errors.ts";
import type { RunningAttempt } from "./attempt.ts";
import { type Capacity, ONE_SLOT } from "./capacity.ts";
import { launch } from "./launch.ts";
import type { Note, Report } from "./mail.ts";
import { stepBody } from "./step-body.ts";
import { policyOf, type TurnContext } from "./turn-context.ts";

/** What attempts need of the run they belong to. */
export interface AttemptsOptions {
  readonly capacity: Capacity;
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
    const { capacity, deliver } = this.#options;
    const body = stepBody(context, state, step);
    if (body === undefined) throw new Error(`step ${step} was begun without its code`);
    const policy = policyOf(context, state, step);
    const { attempt: nth } = stepActor(state, step).context;
    const attempt = launch({
      engine: context.engine,
      run: { id: state.id, workflow: state.run.context.workflow },
      step,
      attempt: nth,
      body,
      policy,
      // Taken now: the state moves on while the attempt runs.
      input: context.results.inputOf(state, step),
      runInput: context.results.runInput(state),
      record(noted) {
        const done = deferred<NoteEvent>();
        deliver({ kind: "note", step, attempt: nth, noted, done });
        return done.promise;
      },
    });
    this.#running.set(step, attempt);
    // Never rejects: what goes wrong is the outcome.
    void attempt.done.then((outcome) => {
      capacity.release(ONE_SLOT);
      if (this.#running.get(step) !== attempt) return;
      this.#running.delete(step);
      deliver({ kind: "report", step, attempt: attempt.attempt, outcome, policy });
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
