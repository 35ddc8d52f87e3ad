/**
 * From what a workflow says about a child run to `child.requested`: its input is put together, checked and
 * recorded, so that it is the same however often the child has to be begun.
 */
import { holds } from "../../domain/plan.ts";
import { childRunId } from "../../domain/run-ids.ts";
import { stepActor } from "../../domain/state.ts";
import { toFailure } from "../../events/failure.ts";
import type { Json } from "../../kernel/json.ts";
import { type ChildPolicy, nameOf } from "../../workflow/child-options.ts";
import type { Workflow } from "../../workflow/definition.ts";
import { validate } from "../../workflow/schema.ts";
import { rethrowAway } from "../away.ts";
import type { Engine } from "../engine.ts";
import { handOut, readJson, smallValue } from "../values/values.ts";
import type { Draft } from "./draft.ts";

/** The workflows that this process has, by name. */
export type Definitions = (name: string) => Workflow | undefined;

/** What is asked for. */
export interface ChildRequest {
  readonly step: string;
  readonly workflow: Workflow | string;
  readonly policy: Omit<ChildPolicy, "undo">;
  /** The run's id, if the workflow wants a certain one. */
  readonly run?: string | undefined;
  /** Said here only for steps that no plan declares. */
  readonly undo: boolean;
  /** What the workflow gives it; may throw whatever users' code throws. */
  input(): unknown;
}

/** Adds the request to the draft; one whose input is not usable fails its step. */
export async function requestChild(
  engine: Engine,
  draft: Draft,
  { step, workflow, policy, run, undo, input }: ChildRequest,
  definitions: Definitions,
): Promise<void> {
  const { now, state } = draft;
  const { attempt } = stepActor(state, step).context;
  const name = nameOf(workflow);
  const definition = typeof workflow === "string" ? definitions(name) : workflow;
  const { onParentClose, timeoutMs } = policy;
  const command = {
    type: "cmd.request",
    now,
    // A child that is tried again by hand is another run.
    childRun: (attempt === 0 ? run : undefined) ?? childRunId(state.id, step, attempt + 1),
    childWorkflow: name,
    onParentClose,
    ...(timeoutMs === undefined ? {} : { endBy: now + timeoutMs }),
    ...(undo ? { undo: true as const } : {}),
    ...(state.graph === undefined ? holds(state.plan, undefined) : {}),
  } as const;
  try {
    const what = `input of ${name}`;
    const json = await checkedInput(definition, what, input());
    const value = await smallValue(engine.store.blobs, what, json, draft);
    draft.step(step, { ...command, input: value });
  } catch (thrown) {
    rethrowAway(thrown);
    const error = toFailure(thrown);
    draft.step(step, { ...command, input: { json: null } });
    draft.step(step, {
      type: "cmd.fail",
      now,
      attempt: attempt + 1,
      error,
      retry: false,
      retryAt: now,
    });
  }
}

async function checkedInput(
  definition: Workflow | undefined,
  what: string,
  raw: unknown,
): Promise<Json> {
  const given = readJson(what, raw);
  if (definition?.input === undefined) return given;
  return readJson(what, await validate(definition.input, what, handOut(given)));
}
