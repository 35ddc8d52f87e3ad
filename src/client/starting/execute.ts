/** Handoff's `execute`: a DAG becomes a run, and what its functions returned comes back. */

import type { Engine } from "../../engine/engine.ts";
import type { Catalog } from "../../engine/hosting/catalog.ts";
import { loadRun } from "../../engine/reading/history.ts";
import type { LogFeed } from "../../engine/reading/log-feed.ts";
import { valuesOf } from "../../engine/values/kept-values.ts";
import { lineageOf } from "../../engine/values/lineage.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { checkId } from "../../kernel/ids.ts";
import { digest } from "../../kernel/json.ts";
import type { Position } from "../../ports/event-log.ts";
import type { Dag } from "../../workflow/dag.ts";
import { compileDag, type DagContent, planOfCall } from "../../workflow/dag-compile.ts";
import type { GraphWorkflow } from "../../workflow/definition.ts";
import { type CheckedExecution, checkExecution, type ExecuteOptions } from "./execute-options.ts";
import { type Executed, executed } from "./executed.ts";
import { runEnd } from "./run-end.ts";
import { type StartParts, startRun } from "./start-run.ts";

/** What this process lends for an execution. */
export interface Executor extends StartParts {
  readonly feed: LogFeed;
  /** The code that this process has; undefined: it hosts nothing. */
  readonly catalog: Catalog | undefined;
}

/**
 * Runs the functions on whatever nodes have the DAG; this process has it from now on, for this run.
 * @throws MillraceError see `Millrace.execute`
 */
export async function execute(
  executor: Executor,
  dag: Dag,
  options: ExecuteOptions,
): Promise<Executed> {
  const name = withoutInputs(dag).id ?? privateName(executor.engine.node);
  return run(executor, dag, compile(dag, name), options, true);
}

/** Runs the functions here, whatever they say about nodes and costs. */
export async function executeLocal(
  executor: Executor,
  dag: Dag,
  options: ExecuteOptions,
): Promise<Executed> {
  const functions = withoutInputs(dag).functions.map(({ node, collocated, cost, ...fn }) => fn);
  const version = dag.version === undefined ? {} : { version: dag.version };
  const workflow = compile({ ...version, functions }, privateName(executor.engine.node));
  return run(executor, dag, workflow, options, true);
}

/** Runs the functions on the nodes that were opened with the DAG; this one need not be among them. */
export async function executeDistributed(
  executor: Executor,
  dag: Dag,
  options: ExecuteOptions,
): Promise<Executed> {
  const workflow = withoutInputs(dag).functions.some((fn) => !fn.inline) ? dag.workflow : undefined;
  if (workflow !== undefined) await checkKnown(executor, workflow.name);
  return run(executor, dag, workflow, options, false);
}

/** @throws MillraceError `E_DEF_INVALID` for anything that `dag()` did not make; what `validate` throws */
export function checkedDag(dag: Dag | undefined): Dag {
  if (typeof dag?.validate === "function") return dag.validate();
  throw new MillraceError("E_DEF_INVALID", "what was given is no DAG; make one with dag()");
}

/** @throws MillraceError as `checkedDag`; `E_DEF_INVALID` for one with inputs */
function withoutInputs(dag: Dag | undefined): Dag {
  const checked = checkedDag(dag);
  const inputs = checked.functions.filter(({ input }) => input).map(({ id }) => id);
  if (inputs.length === 0) return checked;
  throw new MillraceError(
    "E_DEF_INVALID",
    `the DAG has inputs (${inputs.join(", ")}), which an execution has no values for; give them with stream()`,
    { details: { inputs } },
  );
}

/** Its tickets reach this process only. */
export const privateName = (node: string): string => `local-${digest(node).slice(0, 22)}`;

/** Undefined when there is nothing to run. */
const compile = (dag: DagContent, name: string): GraphWorkflow | undefined =>
  dag.functions.some((fn) => !fn.inline) ? compileDag(dag, name) : undefined;

/** @throws MillraceError `E_WORKFLOW_UNKNOWN` when no process that is up has it */
export async function checkKnown({ engine, catalog }: Executor, name: string): Promise<void> {
  if (catalog?.names.includes(name)) return;
  const nodes = await engine.store.nodes.list();
  if (nodes.some(({ workflows, draining }) => !draining && workflows.includes(name))) return;
  throw new MillraceError(
    "E_WORKFLOW_UNKNOWN",
    `no process that is up has dag ${name}; open one with \`workflows: [dag.workflow]\`, or call execute(), which brings the code of this process`,
    { details: { workflow: name } },
  );
}

async function run(
  executor: Executor,
  dag: Dag,
  workflow: GraphWorkflow | undefined,
  options: ExecuteOptions,
  lends: boolean,
): Promise<Executed> {
  const { engine, catalog } = executor;
  const given = checkExecution(options);
  const id = given.id === undefined ? engine.world.ids() : checkId("run id", given.id);
  if (workflow === undefined) return { dagId: id, results: {}, allocations: {}, failures: {} };
  const ofCall = workflowOfCall(workflow, dag, given);
  const takeBack = lends ? lend(catalog, id, ofCall) : undefined;
  try {
    return await endOf(executor, dag, await begin(executor, dag, { workflow: ofCall, id }));
  } finally {
    takeBack?.();
  }
}

/** The workflow as one call wants it. */
export const workflowOfCall = (
  workflow: GraphWorkflow,
  dag: Dag,
  { call, timeoutMs }: CheckedExecution,
): GraphWorkflow => ({
  ...workflow,
  plan: planOfCall(workflow.plan, dag.functions, call),
  ...(timeoutMs === undefined ? {} : { timeoutMs }),
});

/** A run of the DAG that is in the log, and where it begins there; 0: it was there before. */
export interface Begun {
  readonly id: string;
  readonly workflow: GraphWorkflow;
  readonly position: Position;
}

/** Starts a run, or finds the one that was started with this id. */
export async function begin(
  executor: Executor,
  dag: Dag,
  { id, workflow, input = null }: Omit<Begun, "position"> & { readonly input?: unknown },
): Promise<Begun> {
  const labels = dag.id === undefined ? {} : { labels: { dag: dag.id } };
  const { position } = await startRun(executor, workflow, input, { id, ...labels });
  if (position === 0) await checkSame(executor.engine, id, workflow);
  return { id, workflow, position };
}

/** What the run came to, once it has ended. @throws MillraceError see `executed`; `E_STORE_CLOSED` */
export async function endOf(
  { engine, feed, catalog }: Executor,
  dag: Dag,
  { id, workflow, position }: Begun,
): Promise<Executed> {
  await runEnd(feed, id, position, new AbortController().signal);
  const makeAgain = catalog === undefined ? undefined : lineageOf(engine, catalog);
  const state = await loadRun(engine, id, workflow.name);
  return executed(valuesOf(engine, makeAgain), state, dag.functions);
}

/** @throws MillraceError `E_OPTION_INVALID` in a process that runs nothing */
export function lend(
  catalog: Catalog | undefined,
  run: string,
  workflow: GraphWorkflow,
): () => void {
  if (catalog !== undefined) return catalog.lend(run, workflow);
  throw new MillraceError(
    "E_OPTION_INVALID",
    "this process was opened with `worker: false`, so it runs no functions; use executeDistributed(), or open it with a worker",
    { details: { option: "worker" } },
  );
}

/** The id was used before: with the same DAG, this is its run. */
async function checkSame(engine: Engine, run: string, workflow: GraphWorkflow): Promise<void> {
  const { plan } = await loadRun(engine, run, workflow.name);
  if (plan?.version === workflow.plan.version) return;
  throw new MillraceError(
    "E_RUN_CONFLICT",
    `run ${run} exists with other functions; choose another id, or look at it with \`millrace show ${run}\``,
    { details: { run, workflow: workflow.name } },
  );
}
