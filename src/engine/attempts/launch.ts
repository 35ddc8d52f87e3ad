/** From a committed `step.started` to the user's function: its context, its input, its attempt. */

import type { KeptOnNode, Value } from "../../../machines/values.ts";
import type { StepPolicy } from "../../domain/plan.ts";
import type { RunState } from "../../domain/state.ts";
import type { NoteEvent } from "../../events/vocabulary.ts";
import { awaitedLater } from "../../kernel/async.ts";
import { checkId } from "../../kernel/ids.ts";
import type { Json } from "../../kernel/json.ts";
import type { StepBody } from "../../workflow/definition.ts";
import { validate } from "../../workflow/schema.ts";
import type { StepContext } from "../../workflow/step-context.ts";
import type { Engine } from "../engine.ts";
import { copiesOf } from "../values/local-copies.ts";
import { outputRef } from "../values/output-ref.ts";
import { handOut, readJson, toValue } from "../values/values.ts";
import { beginAttempt, type RunningAttempt } from "./attempt.ts";
import { lastCheckpoint } from "./last-checkpoint.ts";
import { checkMetadata, checkParents } from "./note-parts.ts";
import type { Noted } from "./noted.ts";

/** What an attempt is launched with. */
export interface Launch {
  readonly engine: Engine;
  readonly run: StepContext["run"];
  readonly step: string;
  readonly attempt: number;
  /** May have to be looked for: the attempt then begins with that. */
  readonly body: StepBody | Promise<StepBody>;
  readonly policy: StepPolicy;
  /** What its function gets, and the input of its run. */
  readonly input: Promise<Json | undefined>;
  readonly runInput: Promise<Json>;
  /** Has it recorded; settles when it is committed, or cannot be. */
  record(noted: Noted): Promise<NoteEvent>;
  /** Its function has returned something although the attempt was over. */
  late(output: Value): void;
}

/** The same for all attempts of a step, and different for every other step of every run. */
export const idempotencyKey = (run: string, step: string): string => `${run}/${step}`;

/** A run as its steps see it. */
export const runOf = ({ id, run: { context } }: RunState): StepContext["run"] => ({
  id,
  workflow: context.workflow,
  ...(context.tick === null ? {} : { tick: context.tick }),
});

/** Begins an attempt of which the run's log says that it was started. */
export function launch(task: Launch): RunningAttempt {
  const { engine, step, attempt, policy } = task;
  const [input, runInput] = [awaitedLater(task.input), awaitedLater(task.runInput)];
  const running: RunningAttempt = beginAttempt(engine.world.clock, {
    step,
    attempt,
    policy,
    late: (output) => task.late(output),
    async run(signal) {
      const context = stepContext(task, signal, handOut(await runInput), () => running.beat());
      const body = await task.body;
      const given = handOut(await input);
      // What is told to stop before it has begun does not begin.
      signal.throwIfAborted();
      const returned = await body.run(context, given);
      const what = `output of step ${step}`;
      const checked = await validate(body.output, what, returned);
      return policy.durability === "node"
        ? keepHere(task, what, checked)
        : toValue(engine.store.blobs, what, checked);
    },
  });
  return running;
}

async function keepHere(
  { engine, run, step }: Launch,
  what: string,
  returned: unknown,
): Promise<KeptOnNode> {
  const text = JSON.stringify(readJson(what, returned));
  const pieces = [Buffer.from(text)];
  // Its location is recorded with the end of the attempt.
  const kept = await copiesOf(engine).keep(run.id, step, pieces, () => Promise.resolve());
  return { kept: kept.digest, bytes: kept.bytes, node: engine.node, step };
}

function stepContext(
  task: Launch,
  signal: AbortSignal,
  input: unknown,
  beat: () => void,
): StepContext {
  const { engine, run, step, attempt } = task;
  const { blobs } = engine.store;
  const fields = { run: run.id, step, attempt };
  return {
    signal,
    attempt,
    idempotencyKey: idempotencyKey(run.id, step),
    run,
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
      const from = { task: run.id, attempt, producer: step };
      await task.record({ type: "output.emitted", ref, ...from, content, parents });
      return ref;
    },
    async checkpoint(saved, metadata = {}) {
      const texts = checkMetadata(metadata);
      const value = await toValue(blobs, `checkpoint of step ${step}`, saved);
      const note = { type: "checkpoint.saved", node: step, state: value, metadata: texts } as const;
      const event = await task.record(note);
      if (event.type !== "checkpoint.saved") throw new Error(`recorded as ${event.type}`);
      return event.checkpoint;
    },
    lastCheckpoint: () => lastCheckpoint(engine, run.id, step),
    async note(name, payload) {
      const value = await toValue(blobs, `note ${name}`, payload);
      const noted = checkId("note name", name);
      await task.record({ type: "user.noted", name: noted, payload: value, step });
    },
  };
}
