/**
 * What operators do with runs in trouble: end them at once, and say what becomes of a step. Everything is
 * recorded with who asked for it and why.
 */
import type { StepCommand } from "../../../machines/step-data.ts";
import { decideStep, refusalError } from "../../domain/decide.ts";
import { outstanding } from "../../domain/outstanding.ts";
import { isKnownStep, type RunState } from "../../domain/state.ts";
import { asHint } from "../../engine/as-hint.ts";
import type { Engine } from "../../engine/engine.ts";
import { commit } from "../../engine/turn/commit.ts";
import { Draft } from "../../engine/turn/draft.ts";
import type { StepOrder } from "../../engine/turn/input.ts";
import { stepBody } from "../../engine/turn/step-body.ts";
import { readJson, toValue } from "../../engine/values/values.ts";
import { pause } from "../../kernel/clock.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { limits } from "../../kernel/limits.ts";
import type { Workflow } from "../../workflow/definition.ts";
import { validate } from "../../workflow/schema.ts";
import { callOptions, wholeOption } from "../options.ts";
import { demandAlive, newestRun, postInput, type RequestOptions, whoAndWhy } from "./tell-run.ts";

/** How a step is tried again. */
export interface RetryStepOptions extends RequestOptions {
  /** How many attempts it gets. @default as many as its policy gives */
  readonly attempts?: number;
  /**
   * What it gets in place of its input: of a step of a graph, an item, or an undo (in place of the result
   * that it undoes). A step of code takes none: what it works on is in its function.
   */
  readonly input?: unknown;
}

/** How a step is left out. */
export interface SkipStepOptions extends RequestOptions {
  /** What others get in place of its result; checked by the step's schema. @default null */
  readonly output?: unknown;
}

/** See `Operator.terminate`. */
export async function terminateRun(
  engine: Engine,
  run: string,
  options: RequestOptions,
): Promise<void> {
  const { by, reason } = whoAndWhy(engine, callOptions("terminate()", options, ["reason", "by"]));
  const { clock, random } = engine.world;
  for (let conflicts = 0; conflicts <= limits.commitConflictsMax; conflicts++) {
    const state = await newestRun(engine, run);
    demandAlive(state, "terminate");
    const host = state.run.context.node;
    const draft = new Draft(state, clock.now());
    // Whoever ends it must be its host: this keeps the one that it has from writing anything more.
    draft.run({ type: "cmd.claim", now: draft.now, node: engine.node, lease: "" });
    draft.terminate(by, reason);
    if (await commit(engine, draft, state.cursor.inbox)) {
      return asHint(engine, run, () => tellHost(engine, state, host, { by, reason }));
    }
    await pause(clock, random.next() * CONFLICT_PAUSE_MS);
  }
  throw new MillraceError(
    "E_STORE_UNAVAILABLE",
    `run ${run} is written to from elsewhere without end; try it again`,
    { details: { run } },
  );
}

const CONFLICT_PAUSE_MS = 20;

/**
 * Its host, if it has one, stops what runs as soon as it hears of it. Nobody needs its ticket any more,
 * unless the run still owes something to others.
 */
async function tellHost(
  engine: Engine,
  state: RunState,
  host: string | null,
  asked: { readonly by: string; readonly reason: string },
): Promise<void> {
  const { id: run } = state;
  const { queue } = engine.store;
  const owes = outstanding(state, engine.world.clock.now()).next().done !== true;
  if (host !== null)
    await postInput(engine, run, { kind: "terminate", id: engine.world.ids(), ...asked });
  else if (owes) await queue.offer({ workflow: state.run.context.workflow, run });
  else await queue.remove(run);
}

/** See `Operator.retryStep`. */
export async function retryStep(
  engine: Engine,
  run: string,
  step: string,
  options: RetryStepOptions,
): Promise<void> {
  const given = callOptions("retryStep()", options, ["attempts", "input", "reason", "by"]);
  const { by, reason } = whoAndWhy(engine, given);
  const state = await newestRun(engine, run);
  const attempts =
    given.attempts === undefined ? {} : { attempts: wholeOption("attempts", given.attempts, 1) };
  const now = engine.world.clock.now();
  demandPossible(state, step, { type: "cmd.retry", now, by, reason, attempts: 1 });
  const changed = "input" in given ? await changedInput(engine, state, step, given.input) : {};
  await order(engine, state.id, {
    step,
    command: "cmd.retry",
    by,
    reason,
    ...attempts,
    ...changed,
  });
}

async function changedInput(
  engine: Engine,
  state: RunState,
  step: string,
  input: unknown,
): Promise<Pick<StepOrder, "input">> {
  if (state.plan?.kind === "graph") {
    return { input: await toValue(engine.store.blobs, `input of step ${step}`, input) };
  }
  throw new MillraceError(
    "E_COMMAND_REFUSED",
    `step ${step} of run ${state.id} is code: what it works on is in its function; give it no input`,
    { details: { run: state.id, step } },
  );
}

/** See `Operator.skipStep`. */
export async function skipStep(
  engine: Engine,
  run: string,
  step: string,
  options: SkipStepOptions,
  workflowOf: (name: string) => Workflow | undefined,
): Promise<void> {
  const given = callOptions("skipStep()", options, ["output", "reason", "by"]);
  const { by, reason } = whoAndWhy(engine, given);
  const what = `output given for step ${step}`;
  const json = readJson(what, given.output);
  const state = await newestRun(engine, run);
  demandPossible(state, step, { type: "cmd.skip", now: engine.world.clock.now(), reason });
  const workflow = workflowOf(state.run.context.workflow);
  const body = workflow && stepBody({ workflow, driver: undefined }, state, step);
  // Only looked at: the host makes of it what the step's own result would have become.
  await validate(body?.output, what, json);
  const output = await toValue(engine.store.blobs, what, json);
  await order(engine, state.id, { step, command: "cmd.skip", by, reason, output });
}

/** See `Operator.failStep`. */
export async function failStep(
  engine: Engine,
  run: string,
  step: string,
  options: RequestOptions,
): Promise<void> {
  const { by, reason } = whoAndWhy(engine, callOptions("failStep()", options, ["reason", "by"]));
  const state = await newestRun(engine, run);
  const now = engine.world.clock.now();
  demandPossible(state, step, { type: "cmd.give_up", now, by, reason });
  await order(engine, state.id, { step, command: "cmd.give_up", by, reason });
}

/** @throws MillraceError `E_STEP_NOT_FOUND`, `E_COMMAND_REFUSED` */
function demandPossible(state: RunState, step: string, command: StepCommand): void {
  if (!isKnownStep(state, step)) {
    throw new MillraceError(
      "E_STEP_NOT_FOUND",
      `run ${state.id} has no step ${step}; \`millrace show ${state.id} --items\` lists those it has`,
      { details: { run: state.id, step } },
    );
  }
  const decided = decideStep(state, step, command);
  if (!decided.ok) throw refusalError(`step ${step} of run ${state.id}`, decided.error);
}

const order = (engine: Engine, run: string, about: Omit<StepOrder, "kind">): Promise<void> =>
  postInput(engine, run, { kind: "step", id: engine.world.ids(), ...about });
