/**
 * What programs do with runs, from any process: start, look, wait, tell, follow. Needs the store only,
 * not a worker.
 */

import { type Explanation, explain } from "../domain/explain.ts";
import { isDriven, type RunState } from "../domain/state.ts";
import type { Engine } from "../engine/engine.ts";
import { loadRunAt } from "../engine/history.ts";
import { encodeInput, type Input } from "../engine/input.ts";
import type { Projector } from "../engine/projector.ts";
import { readJson, toValue } from "../engine/values.ts";
import { mayHold, openFrame } from "../events/frame.ts";
import type { RecordedEvent } from "../events/vocabulary.ts";
import { isMillraceError, MillraceError } from "../kernel/errors.ts";
import { checkId, ID_PATTERN } from "../kernel/ids.ts";
import { limits } from "../kernel/limits.ts";
import type { StoredFrame } from "../ports/event-log.ts";
import {
  type RunStatus,
  type RunSummaries,
  type RunSummary,
  runStatuses,
  shownStatus,
} from "../projections/run-summary.ts";
import type { Workflow } from "../workflow/definition.ts";
import { didYouMean } from "../workflow/suggest.ts";
import { callOptions, invalidOption, textOption, wholeOption } from "./options.ts";
import { type RequestOptions, RunHandle } from "./run-handle.ts";
import { type RunView, runView } from "./run-view.ts";
import { type StartOptions, startRun } from "./start-run.ts";
import { runEvents, type SubscribeOptions, TERMINAL } from "./subscribe.ts";

export type { SubscribeOptions } from "./subscribe.ts";

/** Which runs `list` gives. */
export interface ListOptions {
  readonly workflow?: string;
  readonly status?: RunStatus;
  /** At most so many, the newest first. @default 100 */
  readonly limit?: number;
}

/** Who cancelled, as recorded. */
const BY_CHARS_MAX = 256;

/** @throws MillraceError `E_WORKFLOW_UNKNOWN` for anything that `graph()` or `workflow()` did not make */
function built(workflow: Workflow | undefined): Workflow {
  if (workflow?.plan !== undefined && ID_PATTERN.test(workflow.name)) return workflow;
  throw new MillraceError(
    "E_WORKFLOW_UNKNOWN",
    "what was given to start() is no workflow; did you forget `.build()`?",
  );
}

export class Client {
  readonly #engine: Engine;
  readonly #workflows: ReadonlyMap<string, Workflow>;
  readonly #summaries: Projector<RunSummaries>;

  constructor(
    engine: Engine,
    workflows: ReadonlyMap<string, Workflow>,
    summaries: Projector<RunSummaries>,
  ) {
    this.#engine = engine;
    this.#workflows = workflows;
    this.#summaries = summaries;
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
    const { run, position } = await startRun(this.#engine, definition, input, options);
    return new RunHandle(this, this.#engine, run, position);
  }

  /** A handle on a run that exists, or will. @throws MillraceError `E_ID_INVALID` */
  handle<O = unknown>(run: string): RunHandle<O> {
    return new RunHandle<O>(this, this.#engine, checkId("run id", run), 0);
  }

  /**
   * The run as it is now, or as it was right after event `seq`.
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_LOG_CORRUPT`, `E_FRAME_INVALID`, `E_OPTION_INVALID`
   */
  async get(run: string, options: { readonly seq?: number } = {}): Promise<RunView> {
    const { seq } = callOptions("get()", options, ["seq"]);
    return runView(await this.#load(run, seq));
  }

  /**
   * Why the run is not finished: what it waits for, since when, until when, and who could end the wait.
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_LOG_CORRUPT`, `E_FRAME_INVALID`
   */
  async explain(run: string): Promise<Explanation> {
    return explain(await this.#load(run));
  }

  /** Runs, the newest first. */
  async list(options: ListOptions = {}): Promise<readonly RunSummary[]> {
    const given = callOptions("list()", options, ["workflow", "status", "limit"]);
    const { workflow, status } = given;
    const limit = wholeOption("limit", given.limit ?? 100, 0);
    if (workflow !== undefined) checkId("workflow name", workflow);
    if (status !== undefined && !runStatuses.includes(status)) {
      const known = `${didYouMean(String(status), runStatuses)}; known are ${runStatuses.join(", ")}`;
      throw invalidOption("status", `not a status${known}`);
    }
    const found: RunSummary[] = [];
    for (const summary of (await this.#summaries.current()).values()) {
      if (workflow !== undefined && summary.workflow !== workflow) continue;
      const shown = shownStatus(summary);
      if (status !== undefined && shown !== status) continue;
      found.push({ ...structuredClone(summary), status: shown });
    }
    return found
      .sort((a, b) => b.createdAt - a.createdAt || b.position - a.position)
      .slice(0, limit);
  }

  /** What the run returned, as soon as it has. Same as `handle(run).result()`. */
  async result(run: string, options: { timeoutMs?: number } = {}): Promise<unknown> {
    await this.#load(run);
    return this.handle(run).result(options);
  }

  /** Events of one run from a seq on: history, then live, no gap and no repeat. */
  subscribe(run: string, options: SubscribeOptions = {}): AsyncIterable<RecordedEvent> {
    return runEvents(this.#engine, checkId("run id", run), 0, options);
  }

  /**
   * Sends a signal. Durable when it resolves; taken once, also when sent again with the same `id`, and
   * also when the run does not wait for it yet or does not exist yet.
   * @throws MillraceError `E_ID_INVALID`, `E_NOT_JSON`, `E_TOO_LARGE`; `E_COMMAND_REFUSED` when the run
   * has ended without it
   */
  async signal(
    run: string,
    name: string,
    payload?: unknown,
    options: { id?: string } = {},
  ): Promise<void> {
    const { id = this.#engine.world.ids() } = callOptions("signal()", options, ["id"]);
    checkId("run id", run);
    checkId("signal name", name);
    checkId("signal id", id);
    const what = `payload of signal ${name}`;
    // Copied before anything is waited for: the caller may go on to change it.
    const json = readJson(what, payload);
    if (await this.#hasTaken(run, id)) return;
    const value = await toValue(this.#engine.store.blobs, what, json);
    await this.post(run, { kind: "signal", id, name, payload: value });
  }

  /**
   * Asks the run to stop: its steps are aborted, then it ends as cancelled.
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_COMMAND_REFUSED` when it has ended
   */
  cancel(run: string, options: RequestOptions = {}): Promise<void> {
    return this.#request("cancel", run, options);
  }

  /** Begins nothing new until the run is resumed; what runs may end, and signals are kept. */
  pause(run: string, options: RequestOptions = {}): Promise<void> {
    return this.#request("pause", run, options);
  }

  /** Lets a paused run go on. */
  resume(run: string, options: RequestOptions = {}): Promise<void> {
    return this.#request("resume", run, options);
  }

  async #request(
    kind: "cancel" | "pause" | "resume",
    run: string,
    options: RequestOptions,
  ): Promise<void> {
    const given = callOptions(`${kind}()`, options, ["reason", "by"]);
    const reason = textOption("reason", given.reason ?? "asked to", limits.errorMessageCharsMax);
    const by = textOption("by", given.by ?? this.#engine.node, BY_CHARS_MAX);
    const state = await this.#load(run);
    if (isDriven(state)) {
      throw new MillraceError(
        "E_COMMAND_REFUSED",
        `run ${run} is driven by hand, through a store; nobody hosts it who could ${kind} it`,
        { details: { run } },
      );
    }
    if (state.run.state === "compensating") {
      throw new MillraceError(
        "E_COMMAND_REFUSED",
        `run ${run} is undoing what it did, and ends by itself; it cannot ${kind} any more`,
        { details: { run, status: state.run.state } },
      );
    }
    if (["completed", "failed", "cancelled"].includes(state.run.state)) {
      throw new MillraceError("E_COMMAND_REFUSED", `run ${run} has ended (${state.run.state})`, {
        details: { run, status: state.run.state },
      });
    }
    await this.post(run, { kind, id: this.#engine.world.ids(), by, reason });
  }

  /**
   * Whether a run that has ended took this signal before: then sending it again is no news.
   * @throws MillraceError `E_COMMAND_REFUSED` when the run's last frame ended it, and it did not
   */
  async #hasTaken(run: string, signal: string): Promise<boolean> {
    const { log } = this.#engine.store;
    const head = await log.head(run);
    if (head === 0) return false;
    for await (const stored of log.read({ run, after: head - 1 })) {
      if (!mayHold(stored.bytes, TERMINAL)) continue;
      if (!this.#ends(stored)) continue;
      const { taken } = (await this.#load(run)).run.context;
      if (Object.hasOwn(taken, signal)) return true;
      const ended = `run ${run} has ended; it takes no signal any more`;
      throw new MillraceError("E_COMMAND_REFUSED", ended, { details: { run } });
    }
    return false;
  }

  /** A damaged frame ends nothing here: whoever hosts the run, or looks at it, is told. */
  #ends({ run, bytes }: StoredFrame): boolean {
    try {
      const { events } = openFrame(run, bytes, this.#engine.codecs).frame;
      return events.some(({ type }) => TERMINAL.has(type));
    } catch (error) {
      if (isMillraceError(error, "E_FRAME_INVALID")) return false;
      throw error;
    }
  }

  /** Puts an input into the run's inbox, and sees to it that somebody takes it. */
  async post(run: string, input: Input): Promise<void> {
    const id = checkId("run id", run);
    const { inbox, queue } = this.#engine.store;
    await inbox.post(id, encodeInput(input));
    const workflow = await this.#workflowOf(id);
    if (workflow !== undefined) await queue.offer({ workflow, run: id });
  }

  /** Undefined while the run does not exist: its first host reads the inbox anyway. */
  async #workflowOf(run: string): Promise<string | undefined> {
    for await (const stored of this.#engine.store.log.read({ run, limit: 1 }))
      return stored.workflow;
    return undefined;
  }

  async #load(run: string, seq = Number.MAX_SAFE_INTEGER): Promise<RunState> {
    wholeOption("seq", seq, 1);
    const state = await loadRunAt(this.#engine, checkId("run id", run), seq);
    if (state.cursor.seq > 0) return state;
    throw new MillraceError(
      "E_RUN_NOT_FOUND",
      `there is no run ${run} in this namespace; \`millrace runs\` lists those that exist`,
      { details: { run } },
    );
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
