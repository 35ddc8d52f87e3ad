/** From a committed `step.started` to the user's function: its context, its input, its attempt. */

import type { StepPolicy } from "../domain/plan.ts";
import { type RunState, stepActor } from "../domain/state.ts";
import type { NoteEvent } from "../events/vocabulary.ts";
import { type Deferred, deferred } from "../kernel/async.ts";
import { checkId } from "../kernel/ids.ts";
import type { StepBody } from "../workflow/definition.ts";
import { validate } from "../workflow/schema.ts";
import type { StepContext } from "../workflow/step-context.ts";
import { beginAttempt, type RunningAttempt } from "./attempt.ts";
import type { Engine } from "./engine.ts";
import { lastCheckpoint } from "./last-checkpoint.ts";
import type { Note } from "./mail.ts";
import { checkMetadata, checkParents } from "./note-parts.ts";
import { outputRef } from "./output-ref.ts";
import type { Results } from "./step-input.ts";
import { handOut, toValue } from "./values.ts";

/** What an attempt is launched with. */
export interface Launch {
  readonly engine: Engine;
  /** As it was right after the commit that began the attempt. */
  readonly state: RunState;
  readonly results: Results;
  readonly step: string;
  readonly body: StepBody;
  readonly policy: StepPolicy;
  /** Puts a note into the run's mailbox. */
  post(note: Note): void;
}

/** The same for all attempts of a step, and different for every other step of every run. */
export const idempotencyKey = (run: string, step: string): string => `${run}/${step}`;

/** Begins the attempt that the run's state says was started. */
export function launch(task: Launch): RunningAttempt {
  const { engine, state, step, body, policy } = task;
  const { attempt } = stepActor(state, step).context;
  // Taken now: the state moves on while the attempt runs.
  const input = task.results.inputOf(state, step);
  const runInput = task.results.runInput(state);
  // Whoever awaits them first reports a failure; until then it must not count as unhandled.
  input.catch(() => undefined);
  runInput.catch(() => undefined);
  const running: RunningAttempt = beginAttempt(engine.world.clock, {
    step,
    attempt,
    policy,
    async run(signal) {
      const context = stepContext(task, attempt, signal, handOut(await runInput), () =>
        running.beat(),
      );
      const returned = await body.run(context, handOut(await input));
      const what = `output of step ${step}`;
      const checked = await validate(body.output, what, returned);
      return toValue(engine.store.blobs, what, checked);
    },
  });
  return running;
}

function stepContext(
  task: Launch,
  attempt: number,
  signal: AbortSignal,
  input: unknown,
  beat: () => void,
): StepContext {
  const { engine, state, step } = task;
  const { blobs } = engine.store;
  const fields = { run: state.id, step, attempt };
  const record = <E extends NoteEvent>(make: Note["make"]): Promise<E> => {
    const done: Deferred<NoteEvent> = deferred();
    task.post({ kind: "note", step, attempt, make, done });
    return done.promise as Promise<E>;
  };
  return {
    signal,
    attempt,
    idempotencyKey: idempotencyKey(state.id, step),
    run: { id: state.id, workflow: state.run.context.workflow },
    node: engine.node,
    step,
    input,
    log: {
      info: (message, more) => engine.logger.info(message, { ...fields, ...more }),
      warn: (message, more) => engine.logger.warn(message, { ...fields, ...more }),
      error: (message, more) => engine.logger.error(message, { ...fields, ...more }),
    },
    heartbeat: beat,
    async emit(name, value, options = {}) {
      const parents = checkParents(options.parents ?? []);
      const content = {
        type: "artifact" as const,
        name: checkId("output name", name),
        content: await toValue(blobs, `output ${name}`, value),
      };
      const ref = outputRef(engine.world.ids());
      await record((draft) => ({
        type: "output.emitted",
        at: draft.now,
        ref,
        task: state.id,
        attempt,
        producer: step,
        content,
        parents,
      }));
      return ref;
    },
    async checkpoint(saved, metadata = {}) {
      const texts = checkMetadata(metadata);
      const value = await toValue(blobs, `checkpoint of step ${step}`, saved);
      const event = await record<Extract<NoteEvent, { type: "checkpoint.saved" }>>((draft) => ({
        type: "checkpoint.saved",
        at: draft.now,
        checkpoint: draft.state.checkpoints + 1,
        node: step,
        state: value,
        metadata: texts,
      }));
      return event.checkpoint;
    },
    lastCheckpoint: () => lastCheckpoint(engine, state.id, step),
    async note(name, payload) {
      const value = await toValue(blobs, `note ${name}`, payload);
      const noted = checkId("note name", name);
      await record((draft) => ({
        type: "user.noted",
        at: draft.now,
        name: noted,
        payload: value,
        step,
      }));
    },
  };
}
