/** Asking a run what its workflow says can be asked, and all that is known of it: from its log, without touching it. */
import { freeze } from "immer";
import type { Explanation } from "../../domain/explain.ts";
import type { RunState } from "../../domain/state.ts";
import { lastCheckpoint } from "../../engine/attempts/last-checkpoint.ts";
import type { Engine } from "../../engine/engine.ts";
import { inboxOf } from "../../engine/hosting/chain.ts";
import type { Moments } from "../../engine/reading/moments.ts";
import type { Gates } from "../../engine/records/gates.ts";
import { valuesOf } from "../../engine/values/kept-values.ts";
import { fromValue, handOut, readJson } from "../../engine/values/values.ts";
import { MillraceError } from "../../kernel/errors.ts";
import type { Workflow } from "../../workflow/definition.ts";
import type { QueriedRun, Query } from "../../workflow/queries.ts";
import { didYouMean } from "../../workflow/suggest.ts";
import { existingRun } from "../existing-run.ts";
import { explainRun } from "./explain-run.ts";
import { runView } from "./run-view.ts";
import { momentOf } from "./state-at.ts";
import { type StateView, stateView } from "./state-view.ts";

/** All that is known of a run now. Frozen. */
export interface RunDescription extends StateView {
  /** What it waits for, and what is kept for it. */
  readonly explanation: Explanation;
  /** How many inputs (signals, requests, reports) are in its inbox that no host has taken yet. */
  readonly untaken: number;
}

/** See `Client.describe`. */
export async function describeRun(
  engine: Engine,
  { gates, moments }: { readonly gates: Gates; readonly moments: Moments },
  run: string,
): Promise<RunDescription> {
  const moment = await momentOf(moments, run, "now");
  const { state } = moment;
  const view = stateView(moment);
  const explanation = await explainRun(engine, gates, state);
  const { cursor } = state;
  const inputs = await engine.store.inbox.read(inboxOf(run, state.run.context), cursor.inbox);
  return freeze({ ...view, explanation, untaken: inputs.length }, true);
}

/** What is asked of a run. */
export interface Question {
  readonly name: string;
  readonly args: unknown;
}

/** See `Client.query`. */
export async function queryRun(
  engine: Engine,
  workflows: ReadonlyMap<string, Workflow>,
  run: string,
  { name, args }: Question,
): Promise<unknown> {
  const given = args === undefined ? undefined : readJson(`arguments of query ${name}`, args);
  const state = await existingRun(engine, run);
  const query = queryOf(workflows, state.run.context.workflow, name);
  return query(queriedRun(engine, state), given);
}

/** @throws MillraceError `E_WORKFLOW_UNKNOWN`, `E_OPTION_INVALID` */
function queryOf(workflows: ReadonlyMap<string, Workflow>, workflow: string, name: string): Query {
  const definition = workflows.get(workflow);
  if (definition === undefined) {
    throw new MillraceError(
      "E_WORKFLOW_UNKNOWN",
      `this process has no workflow ${workflow}, whose code answers its queries; give it to open()`,
      { details: { workflow } },
    );
  }
  const { queries = new Map<string, Query>() } = definition;
  const query = queries.get(name);
  if (query !== undefined) return query;
  const known = [...queries.keys()];
  const hint = didYouMean(name, known);
  throw new MillraceError(
    "E_OPTION_INVALID",
    `workflow ${workflow} answers no query ${JSON.stringify(name)}${hint}; known are ${known.join(", ") || "none"}`,
    { details: { workflow, query: name } },
  );
}

function queriedRun(engine: Engine, state: RunState): QueriedRun {
  const values = valuesOf(engine);
  const { run, workflow, status, labels, seq, createdAt, updatedAt, endedAt, steps, input } =
    runView(state);
  const queried = {
    ...{ run, workflow, status, labels, seq, createdAt, updatedAt, endedAt },
    steps: steps.map(({ step, status, attempt, startedAt, endedAt }) => ({
      ...{ step, status, attempt, startedAt, endedAt },
    })),
    input: async () => handOut(await fromValue(values, input, state)),
    async result(step: string) {
      const output = state.steps.get(step)?.context.output ?? null;
      return output === null ? undefined : handOut(await fromValue(values, output, state));
    },
    checkpoint: async (step: string) => (await lastCheckpoint(engine, run, step))?.state,
  };
  return freeze(queried, true) as QueriedRun;
}
