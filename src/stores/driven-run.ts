/**
 * Runs driven by hand: made and moved through the stores, by whoever likes, from any process. They
 * are ordinary runs with the same events by the same machines; only nobody hosts them. Between two
 * calls they are parked, so that nothing goes looking for a host.
 */
import type { RunCommand, RunEvent } from "../../machines/run-data.ts";
import { refusalError } from "../domain/decide.ts";
import type { CodePlan } from "../domain/plan.ts";
import { isDriven, isTerminal, type RunState } from "../domain/state.ts";
import type { Engine } from "../engine/engine.ts";
import type { Journal } from "../engine/reading/journal.ts";
import type { Draft } from "../engine/turn/draft.ts";
import { toValue } from "../engine/values/values.ts";
import { MillraceError } from "../kernel/errors.ts";
import { checkId } from "../kernel/ids.ts";
import { canonicalJson, digest, type Json, toJson } from "../kernel/json.ts";

/** Why a run driven by hand is parked, as its events and lists say. */
export const BY_HAND = "driven by hand";

/** What a run driven by hand is begun with. */
export interface DrivenRun {
  readonly workflow: string;
  /** Names of the steps it will have, for the declared view of their statuses. @default none */
  readonly steps?: readonly string[];
  /** JSON. @default null */
  readonly input?: unknown;
}

/**
 * Begins the run unless it exists; also one whose id was erased. The same id with the same content
 * is the same run.
 * @throws MillraceError `E_ID_INVALID`, `E_NOT_JSON`, `E_TOO_LARGE`, `E_RUN_CONFLICT` when the id
 * is taken by a run with other content
 */
export async function beginDriven(
  journal: Journal,
  engine: Engine,
  run: string,
  begun: DrivenRun,
): Promise<void> {
  const id = checkId("run id", run);
  const workflow = checkId("workflow name", begun.workflow);
  const declares = (begun.steps ?? []).map((step) => checkId("step name", step));
  const what = `input of run ${id}`;
  const json = toJson(what, begun.input);
  const input = await toValue(engine.store.blobs, what, json);
  const content = digest(canonicalJson([BY_HAND, workflow, json, declares] as Json));
  const version = digest(canonicalJson([BY_HAND, workflow, declares]));
  const plan: CodePlan = { kind: "code", version, retryBudget: 0, declares };
  await journal.amend(id, (draft) => {
    const { now, state } = draft;
    if (state.cursor.seq === 0) {
      const created: RunEvent = { type: "run.created", at: now, workflow, content, input, plan };
      draft.add([created]);
      rest(draft, engine.node, BY_HAND);
    } else if (state.run.context.content !== content) throw conflict(state);
  });
}

/** Parks the run again, which claims it first: a parked run takes nothing else. */
export function rest(draft: Draft, node: string, reason: string): void {
  const { now } = draft;
  orderRun(draft, { type: "cmd.claim", now, node, lease: "" });
  orderRun(draft, { type: "cmd.park", now, reason, until: null });
}

/** @throws MillraceError `E_COMMAND_REFUSED` when the run's machine does not take the command */
export function orderRun(draft: Draft, command: RunCommand): void {
  const refused = draft.run(command);
  if (refused !== undefined) throw refusalError(`run ${draft.state.id}`, refused);
}

/** @throws MillraceError `E_RUN_NOT_FOUND` */
export function demandRun(state: RunState): void {
  if (state.cursor.seq > 0) return;
  throw new MillraceError(
    "E_RUN_NOT_FOUND",
    `there is no run ${state.id} in this namespace; begin it with createRun`,
    { details: { run: state.id } },
  );
}

/**
 * Refuses what only somebody who drives the run may do.
 * @throws MillraceError `E_RUN_NOT_FOUND`, `E_COMMAND_REFUSED`
 */
export function demandDriven(state: RunState, what: string): void {
  demandRun(state);
  if (isDriven(state)) return;
  throw new MillraceError(
    "E_COMMAND_REFUSED",
    `${what}: run ${state.id} is driven by its workflow ${state.run.context.workflow}, not by hand; look at it here, and steer it with signals or cancel`,
    { details: { run: state.id, workflow: state.run.context.workflow } },
  );
}

/** @throws MillraceError `E_COMMAND_REFUSED` when the run has ended or is paused */
export function demandActive(state: RunState, what: string): void {
  const ended = isTerminal(state);
  if (!ended && state.run.context.paused === null) return;
  const status = ended ? state.run.state : "paused";
  const until = ended ? "" : " until it is set running";
  throw new MillraceError(
    "E_COMMAND_REFUSED",
    `${what}: run ${state.id} is ${status}; no step of it begins${until}`,
    { details: { run: state.id, status } },
  );
}

const conflict = (state: RunState): MillraceError =>
  new MillraceError(
    "E_RUN_CONFLICT",
    `run ${state.id} exists with another workflow, input or steps (${state.run.context.workflow}); choose another id`,
    { details: { run: state.id, workflow: state.run.context.workflow } },
  );
