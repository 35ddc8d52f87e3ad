/**
 * Between a run of a code workflow and its function: answers from the log go in, in the log's order;
 * what the function asks for comes out as commands. The function may be run again at any time (after
 * a crash, a park, a lost race) and is given the same answers, so it comes to the same place.
 */

import { holds } from "../../domain/plan.ts";
import { type Answered, continueAtOf, openChildren, type RunState } from "../../domain/state.ts";
import { toFailure } from "../../events/failure.ts";
import { microtasksDrained } from "../../kernel/async.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import type { Json } from "../../kernel/json.ts";
import type { CodeWorkflow } from "../../workflow/definition.ts";
import { validate } from "../../workflow/schema.ts";
import {
  type Call,
  CodeSession,
  type Progress,
  type RequestedChildren,
  type RequestedStep,
  type SessionEnd,
} from "../../workflow/session.ts";
import { rethrowAway } from "../away.ts";
import type { Engine } from "../engine.ts";
import { continueRun } from "../hosting/continue-run.ts";
import { handOut, toValue } from "../values/values.ts";
import { answerOf } from "./code-answers.ts";
import { waitCommand } from "./code-waits.ts";
import type { Draft } from "./draft.ts";
import { type Definitions, requestChild } from "./request-child.ts";
import { answerSignals } from "./signal-waits.ts";
import type { Results } from "./step-input.ts";

/** A run whose code does not fit its history is looked at again after this long. */
const MISMATCH_PAUSE_MS = 5 * 60_000;

export class CodeDriver {
  readonly #engine: Engine;
  readonly #workflow: CodeWorkflow;
  readonly #results: Results;
  readonly #onStray: () => void;
  readonly #definitions: Definitions;
  #session: CodeSession | undefined;
  /** How many of the state's answers the function has got. */
  #delivered = 0;
  /** What it has asked for and no draft has taken; how it has ended. */
  #asked: Call[] = [];
  #ended: SessionEnd | undefined;

  /**
   * @param definitions the workflows that this process has, by name
   * @param onStray called when the function has ended without having been given an answer
   */
  constructor(
    engine: Engine,
    workflow: CodeWorkflow,
    results: Results,
    definitions: Definitions,
    onStray: () => void,
  ) {
    this.#onStray = onStray;
    this.#definitions = definitions;
    this.#engine = engine;
    this.#workflow = workflow;
    this.#results = results;
  }

  /** What the function asked for under this id; undefined as long as it has not come there. */
  body(step: string): RequestedStep | undefined {
    return this.#session?.body(step);
  }

  /** The child, or the children, that it asked for under this id. */
  children(step: string): RequestedChildren | undefined {
    return this.#session?.children(step);
  }

  /**
   * Brings the function to where the log is: it is run from its beginning if need be, and gets every
   * answer that it has not had. Decides nothing: what it asks for is kept.
   */
  async replay(state: RunState): Promise<void> {
    if (this.#session === undefined) {
      this.#session = await this.#begin(state);
      this.#keep(await this.#session.advance(undefined, state.run.context.createdAt));
    }
    while (this.#delivered < state.answers.length) {
      const { key, at, seq } = state.answers[this.#delivered] as Answered;
      const answer = await answerOf(this.#results.source, state, key);
      this.#delivered++;
      this.#keep(await this.#session.advance(answer, at, seq));
    }
    // It may have come to an end without an answer: by waiting for something that is not its run's.
    this.#keep(await this.#session.advance());
  }

  /** Brings the function to where the log is, and adds what it asks for to the draft. */
  async advance(draft: Draft): Promise<void> {
    const { state } = draft;
    await this.replay(state);
    // While a run is compensated, its function only has to come to where its undos are.
    if (state.run.state !== "running" || this.#session === undefined) return;
    await this.#take(draft);
    const session = this.#session;
    await answerSignals(this.#engine.store.blobs, draft, {
      asked: (wait) => session.wait(wait),
      misfit: (_wait, thrown) => draft.fail(toFailure(thrown)),
    });
  }

  #keep({ calls, end }: Progress): void {
    this.#asked.push(...calls);
    this.#ended ??= end;
  }

  /** Lets go of the function; it never gets another answer. */
  stop(): void {
    this.#session?.stop();
  }

  async #begin(state: RunState): Promise<CodeSession> {
    return new CodeSession({
      workflow: this.#workflow,
      input: handOut(await this.#results.runInput(state)),
      runId: state.id,
      tick: state.run.context.tick ?? undefined,
      recorded: [...state.calls],
      turn: microtasksDrained,
      onStray: this.#onStray,
      continueAt: continueAtOf(state),
      now: state.run.context.createdAt,
    });
  }

  async #take(draft: Draft): Promise<void> {
    // What is not in the draft yet is asked for again, whatever keeps the turn from going on.
    for (let [call] = this.#asked; call !== undefined; [call] = this.#asked) {
      await this.#request(draft, call);
      this.#asked.shift();
    }
    if (this.#ended !== undefined) await this.#end(draft, this.#ended);
  }

  async #request(draft: Draft, call: Call): Promise<void> {
    const { now } = draft;
    if (call.kind === "children") {
      const { inputs, concurrency } = call;
      const bound = concurrency === undefined ? {} : { concurrency };
      draft.step(call.id, { type: "cmd.map", now, count: inputs.length, ...bound });
      return;
    }
    if (call.kind === "child") return this.#requestChild(draft, call);
    if (call.kind !== "step") {
      draft.run(waitCommand(call, now));
      return;
    }
    const { retry, scheduleToStartMs, place } = call.policy;
    const startBy = scheduleToStartMs === undefined ? {} : { startBy: now + scheduleToStartMs };
    draft.step(call.id, {
      type: "cmd.schedule",
      now,
      maxAttempts: retry.maxAttempts,
      ...(call.body.undo === undefined ? {} : { undo: true as const }),
      ...(call.policy.irreversible ? { irreversible: true as const } : {}),
      ...holds(draft.state.plan, call.policy),
      ...(place === undefined ? {} : { place }),
      ...startBy,
    });
  }

  async #requestChild(draft: Draft, call: Extract<Call, { kind: "child" }>): Promise<void> {
    const { id: step, workflow, run, inputs, undo, ...policy } = call;
    const input = (): unknown => inputs[0];
    const asked = { step, workflow, run, undo: undo !== undefined, policy, input };
    await requestChild(this.#engine, draft, asked, this.#definitions);
  }

  async #end(draft: Draft, end: SessionEnd): Promise<void> {
    const { now } = draft;
    if (
      !end.ok &&
      isMillraceError(end.error, "E_CODE_MISMATCH") &&
      "expected" in end.error.details
    ) {
      // Other code than the run began with, most likely a deploy: the run is kept, not failed.
      draft.run({
        type: "cmd.park",
        now,
        reason: end.error.message,
        until: Math.min(now + MISMATCH_PAUSE_MS, draft.state.run.context.deadline ?? Infinity),
        error: { code: end.error.code, message: end.error.message },
      });
      this.#engine.logger.error(end.error.message, { run: draft.state.id });
      return;
    }
    draft.stopSteps("the workflow function has ended");
    if (!end.ok) return draft.fail(toFailure(end.error));
    try {
      // Told what to do, or waited for: it ends when they have.
      if (openChildren(draft.state) > 0) return;
      if (end.next !== undefined) return await this.#continue(draft, end.next.input);
      const { output: schema, name } = this.#workflow;
      const checked = await validate(schema, `output of ${name}`, end.value);
      const output = await toValue(this.#engine.store.blobs, `output of ${name}`, checked);
      draft.run({ type: "cmd.complete", now, output });
    } catch (thrown) {
      rethrowAway(thrown);
      draft.fail(toFailure(thrown));
    }
  }

  async #continue(draft: Draft, raw: Json): Promise<void> {
    const { name, input: schema } = this.#workflow;
    const what = `input of ${name}`;
    const json = await validate(schema, what, raw);
    const input = await toValue(this.#engine.store.blobs, what, json);
    continueRun(draft, input);
  }
}
