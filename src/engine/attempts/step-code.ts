/** The code of a step of a run that is hosted elsewhere, or by nobody. */
import type { Version } from "../../cluster/versions.ts";
import { declaredName, undoOf } from "../../domain/plan.ts";
import { MillraceError } from "../../kernel/errors.ts";
import {
  type CodeWorkflow,
  type GraphWorkflow,
  isStepBody,
  type StepBody,
} from "../../workflow/definition.ts";
import type { Engine } from "../engine.ts";
import type { Catalog } from "../hosting/catalog.ts";
import { loadRun } from "../reading/history.ts";
import { CodeDriver } from "../turn/code-driver.ts";
import { stepBody } from "../turn/step-body.ts";
import type { Results } from "../turn/step-input.ts";

/** A step of a run, and the version that the run is on. */
export interface StepOfRun extends Version {
  readonly run: string;
  readonly workflow: string;
  readonly step: string;
}

/** Where code is looked for. */
export interface CodeSource {
  readonly engine: Engine;
  readonly catalog: Catalog;
  /** What a function is given that is run again to where its step is. */
  readonly results: Results;
}

/** @throws MillraceError `E_WORKFLOW_UNKNOWN` */
export async function bodyOf(source: CodeSource, of: StepOfRun): Promise<StepBody> {
  const { engine, catalog } = source;
  const { run, workflow: name, step } = of;
  const workflow = catalog.codeForStep(of);
  const body =
    workflow?.kind === "code" ? bodyInCode(source, workflow, of) : bodyIn(workflow, step);
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
  { engine, catalog, results }: CodeSource,
  workflow: CodeWorkflow,
  { run, step }: StepOfRun,
): Promise<StepBody | undefined> {
  const state = await loadRun(engine, run, workflow.name);
  const given = (name: string) => catalog.given(name);
  const driver = new CodeDriver(engine, workflow, results, given, () => undefined);
  await driver.replay(state);
  const body = stepBody({ workflow, driver }, state, step);
  driver.stop();
  return body;
}
