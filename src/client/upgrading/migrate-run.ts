/**
 * Moving a run to another version of its workflow. It is legal when the run could have come to where it is
 * with that version; then the new plan is recorded, and processes that have that version go on with the run.
 */
import { codeName, versionName } from "../../cluster/versions.ts";
import { refusalError } from "../../domain/decide.ts";
import { type RunState, stepActor } from "../../domain/state.ts";
import { asHint } from "../../engine/as-hint.ts";
import type { Engine } from "../../engine/engine.ts";
import { commit } from "../../engine/turn/commit.ts";
import { Draft } from "../../engine/turn/draft.ts";
import { pause } from "../../kernel/clock.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { limits } from "../../kernel/limits.ts";
import { whyNotMoved } from "../../upgrade/check-history.ts";
import { foldHistory } from "../../upgrade/folded-history.ts";
import { runHistory } from "../../upgrade/run-history.ts";
import type { Workflow } from "../../workflow/definition.ts";
import { callOptions } from "../options.ts";
import { demandAlive, newestRun, type RequestOptions, whoAndWhy } from "../telling/tell-run.ts";

/** Where a run is moved to. */
export interface MigrateOptions extends RequestOptions {
  /** The version of its workflow: the definition, or the `version` of one that was given to `open`. */
  readonly to: Workflow | string;
}

const CONFLICT_PAUSE_MS = 20;

/** See `Operator.migrate`. */
export async function migrateRun(
  engine: Engine,
  run: string,
  options: MigrateOptions,
  known: readonly Workflow[],
): Promise<void> {
  const given = callOptions("migrate()", options, ["to", "by", "reason"]);
  const told = whoAndWhy(engine, given);
  const { clock, random } = engine.world;
  for (let conflicts = 0; conflicts <= limits.commitConflictsMax; conflicts++) {
    const state = await newestRun(engine, run);
    demandAlive(state, "migrate");
    const workflow = versionOf(state, given.to, known);
    if (workflow.plan.version === state.plan?.version) return;
    await demandIdle(engine, state);
    if (await demandFit(engine, state, workflow)) {
      const { lease } = state.run.context;
      if (await append(engine, state, workflow, told)) {
        return asHint(engine, state.id, () => tellAll(engine, state, lease));
      }
    }
    await pause(clock, random.next() * CONFLICT_PAUSE_MS);
  }
  throw new MillraceError(
    "E_STORE_UNAVAILABLE",
    `run ${run} is written to from elsewhere without end; try it again`,
    { details: { run } },
  );
}

/** @throws MillraceError `E_OPTION_INVALID`, `E_VERSION_UNKNOWN` */
function versionOf(
  { run: { context } }: RunState,
  to: Workflow | string | undefined,
  known: readonly Workflow[],
): Workflow {
  if (typeof to === "object" && to.plan !== undefined) return to;
  if (typeof to !== "string") {
    throw new MillraceError(
      "E_OPTION_INVALID",
      "to: must be a version of the run's workflow, or its definition",
      { details: { option: "to" } },
    );
  }
  const { workflow: name } = context;
  const versions = known.filter((one) => one.name === name);
  const found = versions.find(({ plan }) => plan.label === to);
  if (found !== undefined) return found;
  const have = versions.map(({ plan }) => versionName(plan)).join(", ") || "none";
  throw new MillraceError(
    "E_VERSION_UNKNOWN",
    `version ${to} of workflow ${name} was not given to open(); known: ${have}`,
    { details: { workflow: name, version: to } },
  );
}

/** @throws MillraceError `E_COMMAND_REFUSED` while steps run: their outcome belongs to the version that began them */
async function demandIdle(engine: Engine, state: RunState): Promise<void> {
  for (const step of state.running) {
    const { node } = stepActor(state, step).context;
    if (node === null || !(await engine.store.nodes.alive(node))) continue;
    throw new MillraceError(
      "E_COMMAND_REFUSED",
      `step ${step} of run ${state.id} runs on node ${node}; pause the run and migrate it when what runs has ended`,
      { details: { run: state.id, step } },
    );
  }
}

/**
 * False: the run has moved on meanwhile.
 * @throws MillraceError `E_COMMAND_REFUSED` when its history does not fit the new version
 */
async function demandFit(engine: Engine, state: RunState, workflow: Workflow): Promise<boolean> {
  const { events, ground } = await runHistory(engine, state.id);
  if (events.length !== state.cursor.seq) return false;
  const folded = await foldHistory(events, await ground());
  const { blobs } = engine.store;
  const [first] = await whyNotMoved(workflow, folded, ground, { blobs });
  if (first === undefined) return true;
  const at = first.seq === undefined ? "" : `, at event ${first.seq}`;
  throw new MillraceError(
    "E_COMMAND_REFUSED",
    `run ${state.id} does not fit ${codeName(workflow.name, workflow.plan)}${at}: ${first.message}; it stays as it is`,
    {
      details: {
        run: state.id,
        what: first.what,
        ...(first.seq === undefined ? {} : { seq: first.seq }),
      },
    },
  );
}

/** False: somebody else has written to the run. */
async function append(
  engine: Engine,
  state: RunState,
  workflow: Workflow,
  told: { readonly by: string; readonly reason: string },
): Promise<boolean> {
  const draft = new Draft(state, engine.world.clock.now());
  const { now } = draft;
  const { epoch, faults } = state.run.context;
  // Whoever moves it must be its host: this keeps the one that it has from writing anything more.
  draft.run({ type: "cmd.claim", now, node: engine.node, lease: "" });
  const refused = draft.run({ type: "cmd.migrate", now, plan: workflow.plan, ...told });
  if (refused !== undefined) throw refusalError(`run ${state.id}`, refused);
  const reason = `moved to ${codeName(workflow.name, workflow.plan)}`;
  // To whoever hosts it first it is as if nobody had: what is kept for its correlation key is still to come.
  const isNew = epoch === 0 || faults > 0 ? { faults: Math.max(1, faults) } : {};
  draft.run({ type: "cmd.park", now, reason, until: now, ...isNew });
  return commit(engine, draft, state.cursor.inbox);
}

/** Its ticket goes back, wherever it is, for those who have the new version. */
async function tellAll({ store }: Engine, state: RunState, lease: string | null): Promise<void> {
  const { queue } = store;
  if (lease !== null && lease !== "") await queue.reclaim(lease);
  await queue.offer({ workflow: state.run.context.workflow, run: state.id });
}
