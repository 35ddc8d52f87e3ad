/** From a host's go to the user's function: its code and its input, found without hosting the run. */

import { declaredName, undoOf } from "../domain/plan.ts";
import { emptyRun } from "../domain/state.ts";
import type { NoteEvent } from "../events/vocabulary.ts";
import { awaitedLater } from "../kernel/async.ts";
import { MillraceError } from "../kernel/errors.ts";
import type { Json } from "../kernel/json.ts";
import {
  type CodeWorkflow,
  type GraphWorkflow,
  isStepBody,
  type StepBody,
} from "../workflow/definition.ts";
import type { RunningAttempt } from "./attempt.ts";
import type { Catalog } from "./catalog.ts";
import { CodeDriver } from "./code-driver.ts";
import type { Engine } from "./engine.ts";
import { loadRun } from "./history.ts";
import { launch } from "./launch.ts";
import type { Go } from "./node-mail.ts";
import type { Noted } from "./noted.ts";
import { stepBody } from "./step-body.ts";
import { Results } from "./step-input.ts";
import { unpacked } from "./task-input.ts";
import { fromValue } from "./values.ts";

/** Begins the attempt. @param record has something recorded by the run's host */
export function launchGuest(
  engine: Engine,
  catalog: Catalog,
  go: Go,
  record: (noted: Noted) => Promise<NoteEvent>,
): RunningAttempt {
  const { run, workflow, step, attempt, policy } = go;
  const none = emptyRun(run);
  const { blobs } = engine.store;
  const read = (blob: string): Promise<Json> => fromValue(blobs, { blob, bytes: 0 }, none);
  const runInput = fromValue(blobs, go.runInput, none);
  const input = unpacked(go.input, () => runInput, read);
  const body = awaitedLater(bodyOf(engine, catalog, go));
  const of = { run: { id: run, workflow }, step, attempt, body, policy, input, runInput };
  // Its host has recorded long since that it was stopped.
  return launch({ engine, ...of, record, late: () => undefined });
}

/** @throws MillraceError `E_WORKFLOW_UNKNOWN` */
async function bodyOf(engine: Engine, catalog: Catalog, go: Go): Promise<StepBody> {
  const { run, workflow: name, step } = go;
  const workflow = catalog.codeForStep(go);
  const body =
    workflow?.kind === "code" ? bodyInCode(engine, catalog, workflow, go) : bodyIn(workflow, step);
  const found = await body;
  if (found !== undefined) return found;
  throw new MillraceError(
    "E_WORKFLOW_UNKNOWN",
    `node ${engine.node} has no code for step ${step} of run ${run}; give open() the version of workflow ${name} that the run began with`,
    { details: { run, step } },
  );
}

function bodyIn(workflow: GraphWorkflow | undefined, step: string): StepBody | undefined {
  const body = workflow?.bodies.get(declaredName(step));
  if (undoOf(step) === undefined) return isStepBody(body) ? body : undefined;
  const undo = body !== undefined && "undo" in body ? body.undo : undefined;
  return undo === undefined ? undefined : { run: undo };
}

/**
 * The functions of a code workflow's steps exist only while its own function runs: that is run again here
 * to where the run's log is, and then never goes on.
 */
async function bodyInCode(
  engine: Engine,
  catalog: Catalog,
  workflow: CodeWorkflow,
  { run, step }: Go,
): Promise<StepBody | undefined> {
  const state = await loadRun(engine, run, workflow.name);
  const results = new Results(engine.store.blobs);
  const given = (name: string) => catalog.given(name);
  const driver = new CodeDriver(engine, workflow, results, given, () => undefined);
  await driver.replay(state);
  const body = stepBody({ workflow, driver }, state, step);
  driver.stop();
  return body;
}
