/**
 * Starts that become one run, by debounce or batch. The gate of the workflow says into which run starts
 * of a key are put; each start is an event of that run, which nobody claims before its time. Every step
 * is a conditional append, so starts that race each other, or the run's host, are put in one after the
 * other, and one that comes too late begins the next run.
 */
import type { Gather } from "../../../machines/run-admission.ts";
import { emptyRun, type RunState } from "../../domain/state.ts";
import type { Engine } from "../../engine/engine.ts";
import {
  beginRun,
  type Creation,
  createdEvent,
  type Started,
} from "../../engine/hosting/begin-run.ts";
import { loadRun } from "../../engine/reading/history.ts";
import type { Gates } from "../../engine/records/gates.ts";
import { commit } from "../../engine/turn/commit.ts";
import { Draft } from "../../engine/turn/draft.ts";
import { pause } from "../../kernel/clock.ts";
import { isMillraceError, MillraceError } from "../../kernel/errors.ts";
import { limits } from "../../kernel/limits.ts";
import type { Workflow } from "../../workflow/definition.ts";
import { type FlowGather, keyFor } from "../../workflow/flow.ts";

/** A start that is to be put together with others. */
export interface GatheredStart {
  readonly engine: Engine;
  readonly gates: Gates;
  readonly workflow: Workflow;
  readonly how: FlowGather;
  /** Its own id: sent again with the same one while it is gathered, it is put in once. */
  readonly start: string;
  readonly creation: Creation;
}

/**
 * Puts the start into the run that gathers its key, or begins one.
 * @throws MillraceError `E_TOO_LARGE`; `E_STORE_UNAVAILABLE` when others start without end
 */
export function gatherStart(task: GatheredStart): Promise<Started> {
  const { gates, workflow, how, creation } = task;
  const key = keyFor(`${workflow.name}: key of ${how.by}`, how.keyOf, creation.json);
  return gates.starts.run(`${workflow.name}:${key}`, () => gatherOne(task, key));
}

/** After another process was first: a random part of this, doubled by each further time up to the maximum (ms). */
const PAUSE_MS = 4;
const PAUSE_MAX_MS = 250;

async function gatherOne(task: GatheredStart, key: string): Promise<Started> {
  const { engine, gates, workflow } = task;
  const { clock, random } = engine.world;
  for (let tries = 0; tries <= limits.commitConflictsMax; tries++) {
    const longest = Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** tries);
    if (tries > 1) await pause(clock, random.next() * longest);
    const into = await gates.gathering(workflow.name, key);
    const done = into === undefined ? undefined : await putInto(task, into, key);
    if (done === "again") continue;
    if (done !== undefined) return done;
    await gates.gather(workflow.name, key, { run: engine.world.ids(), insteadOf: into });
  }
  throw new MillraceError(
    "E_STORE_UNAVAILABLE",
    `starts of ${workflow.name} are put together by others without end; try this one again`,
    { details: { workflow: workflow.name } },
  );
}

/** Undefined: that run has begun, and takes no further start. `again`: somebody has written to it meanwhile. */
async function putInto(
  task: GatheredStart,
  run: string,
  key: string,
): Promise<Started | "again" | undefined> {
  const { engine, start, how } = task;
  const state = await loadRun(engine, run);
  if (state.cursor.seq === 0) return begin(task, run, key);
  const { gather, gathered } = state.run.context;
  if (Object.hasOwn(gathered, start)) return { run, position: 0 };
  if (gather?.by !== how.by || state.run.state !== "pending") return undefined;
  if (how.by === "batch" && Object.keys(gathered).length >= how.max) return undefined;
  return (await add(task, state)) ?? "again";
}

/** The run that is pointed to is not there: whoever wanted to begin it has died, or it was erased. */
async function begin(
  { engine, workflow, how, start, creation }: GatheredStart,
  run: string,
  key: string,
): Promise<Started | "again" | undefined> {
  const now = engine.world.clock.now();
  const gather: Gather = { by: how.by, key, start };
  const notBefore = now + (how.by === "batch" ? waitOf(how, 1) : how.forMs);
  const draft = new Draft(emptyRun(run), now);
  draft.add([{ ...createdEvent(workflow, creation, now, notBefore), gather }]);
  try {
    return await beginRun(engine, draft, { hinted: false });
  } catch (error) {
    if (isMillraceError(error, "E_RUN_CONFLICT")) return "again";
    if (isMillraceError(error, "E_RUN_ERASED")) return undefined;
    throw error;
  }
}

const waitOf = ({ max, withinMs }: Extract<FlowGather, { by: "batch" }>, count: number): number =>
  count >= max ? 0 : withinMs;

async function add(task: GatheredStart, state: RunState): Promise<Started | undefined> {
  const { engine, workflow, how, start, creation } = task;
  const draft = new Draft(state, engine.world.clock.now());
  const { now } = draft;
  const { createdAt, gathered } = state.run.context;
  const count = Object.keys(gathered).length + 1;
  const notBefore =
    how.by === "batch"
      ? count >= how.max
        ? now
        : createdAt + how.withinMs
      : Math.min(now + how.forMs, createdAt + how.maxMs);
  const { timeoutMs } = workflow;
  const deadline = timeoutMs === undefined ? {} : { deadline: notBefore + timeoutMs };
  const { value: input } = creation;
  if (draft.run({ type: "cmd.gather", now, start, input, notBefore, ...deadline }))
    return undefined;
  if (!(await commit(engine, draft, state.cursor.inbox))) return undefined;
  // Its ticket has a time that may be too late now; one that is too early does no harm.
  await engine.store.queue.offer({ workflow: workflow.name, run: state.id }, notBefore);
  return { run: state.id, position: 0 };
}
