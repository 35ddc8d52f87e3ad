/**
 * The attempts of one run: those that run in this process, each of which holds what it takes until its
 * end is recorded, and those that this process has other nodes run.
 */
import { type RunState, stepActor } from "../../domain/state.ts";
import type { NoteEvent } from "../../events/vocabulary.ts";
import { deferred } from "../../kernel/async.ts";
import { MillraceError } from "../../kernel/errors.ts";
import type { Engine } from "../engine.ts";
import type { Cluster } from "../nodes/cluster.ts";
import type { Beginning } from "../nodes/placing.ts";
import { Remotes } from "../nodes/remotes.ts";
import { attemptHere } from "../nodes/unrecorded.ts";
import type { Note, Report } from "../turn/mail.ts";
import { stepBody } from "../turn/step-body.ts";
import { policyOf, type TurnContext } from "../turn/turn-context.ts";
import type { RunningAttempt } from "./attempt.ts";
import { launch, runOf } from "./launch.ts";
import { Taking } from "./taking.ts";

/** What attempts need of the run they belong to. */
export interface AttemptsOptions {
  readonly engine: Engine;
  readonly cluster: Cluster;
  /** Puts what an attempt says into the run's mailbox. */
  deliver(mail: Note | Report): void;
}

interface Running {
  readonly attempt: RunningAttempt;
  readonly taking: Taking;
}

/** See above. One per hosted run. */
export class Attempts {
  readonly #options: AttemptsOptions;
  /** Those on other nodes. */
  readonly remotes: Remotes;
  readonly #running = new Map<string, Running>();

  constructor(options: AttemptsOptions) {
    this.#options = options;
    this.remotes = new Remotes(options.engine, options.cluster);
  }

  /** How many run in this process. */
  get size(): number {
    return this.#running.size;
  }

  /** Other nodes run attempts that an earlier host of the run began: they are told to go on. */
  resume(context: TurnContext, state: RunState): void {
    for (const step of state.running) {
      this.remotes.begin(state, step, policyOf(context, state, step));
    }
  }

  /** Begins the attempt that a commit has just recorded. What it takes was taken for that commit. */
  begin(context: TurnContext, state: RunState, beginning: Beginning): void {
    const { step } = beginning;
    if (beginning.grant === undefined) this.#beginHere(context, state, beginning);
    else this.remotes.begin(state, step, policyOf(context, state, step));
  }

  #beginHere(context: TurnContext, state: RunState, { step, takes }: Beginning): void {
    const { cluster, deliver } = this.#options;
    const body = stepBody(context, state, step);
    if (body === undefined) throw new Error(`step ${step} was begun without its code`);
    const policy = policyOf(context, state, step);
    const { attempt: nth } = stepActor(state, step).context;
    const attempt = launch({
      engine: context.engine,
      run: runOf(state),
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
      // Refused and recorded, as long as the run is hosted here.
      late: (output) =>
        deliver({ kind: "report", step, attempt: nth, outcome: { ok: true, output }, policy }),
    });
    const taking = new Taking(cluster, attemptHere(state, step), takes);
    this.#running.set(step, { attempt, taking });
    // Never rejects: what goes wrong is the outcome.
    void attempt.done.then((outcome) => {
      if (this.#running.get(step)?.attempt !== attempt) return taking.release();
      this.#running.delete(step);
      deliver({ kind: "report", step, attempt: attempt.attempt, outcome, policy, taking });
    });
  }

  /**
   * Stops attempts that are not under way any more: cancelled, or ended otherwise. Those of a run that is
   * being cancelled are asked to stop, and may end by themselves.
   */
  stopEnded(state: RunState): void {
    this.remotes.stopEnded(state);
    for (const [step, { attempt }] of this.#running) {
      if (state.running.has(step) && stepActor(state, step).context.attempt === attempt.attempt) {
        if (state.run.state === "cancelling") attempt.ask(cancelled(state, step));
        continue;
      }
      this.#running.delete(step);
      attempt.abort(
        new MillraceError("E_RUN_CANCELLED", `step ${step} of run ${state.id} was stopped`),
      );
    }
  }

  /** Stops all that run here; none is reported, the next host finds them lost. Those elsewhere go on for it. */
  abort(reason: MillraceError): void {
    const attempts = [...this.#running.values()];
    this.#running.clear();
    for (const { attempt, taking } of attempts) {
      taking.abandon();
      attempt.abort(reason);
    }
  }
}

function cancelled({ id, run }: RunState, step: string): MillraceError {
  const { cancelledBy, cancelReason, cancelUntil } = run.context;
  return new MillraceError(
    "E_RUN_CANCELLED",
    `run ${id} was cancelled by ${cancelledBy}: ${cancelReason}; step ${step} may end by itself for a while (details.until)`,
    { details: { run: id, step, until: cancelUntil } },
  );
}
