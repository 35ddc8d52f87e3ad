/** The beginning of a run that a schedule has decided to start: what it is made from, and its first frame. */
import type { Limit } from "../../../machines/gate-data.ts";
import type { OpenRun, ScheduleSpec } from "../../../machines/schedule-data.ts";
import { SCHEDULE_LIMIT } from "../../domain/admission.ts";
import { jitterOf } from "../../domain/schedule.ts";
import { emptyRun } from "../../domain/state.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import type { Json } from "../../kernel/json.ts";
import type { Workflow } from "../../workflow/definition.ts";
import { validate } from "../../workflow/schema.ts";
import type { Engine } from "../engine.ts";
import { aloneInBatch, beginRun, type Creation, createdEvent } from "../hosting/begin-run.ts";
import { Draft } from "../turn/draft.ts";
import { readJson, toValue } from "../values/values.ts";

/** What the runs of a schedule are created from; or why the definition of their workflow refuses it. */
export type ScheduledBeginning =
  | { readonly workflow: Workflow; readonly creation: Creation }
  | { readonly refusal: string };

/** Whatever the definition throws at the input is the reason why there are no runs. */
export async function beginningOf(
  engine: Engine,
  workflow: Workflow,
  { input, labels }: ScheduleSpec,
): Promise<ScheduledBeginning> {
  const given = input !== undefined && "json" in input ? structuredClone(input.json) : undefined;
  const what = `input of ${workflow.name}`;
  let json: Json;
  try {
    json = readJson(what, await validate(workflow.input, what, given));
    createdEvent(workflow, { json, value: { json } }, engine.world.clock.now());
  } catch (error) {
    return { refusal: error instanceof Error ? error.message : String(error) };
  }
  const value = await toValue(engine.store.blobs, what, json);
  const more = Object.keys(labels).length === 0 ? {} : { labels };
  return { workflow, creation: { json, value, ...more } };
}

/** One run of a schedule at a time, unless they may overlap: the others wait at the gate of the workflow. */
const limitsOf = (schedule: string, { overlap }: OpenRun): readonly Limit[] =>
  overlap === "allow" ? [] : [{ name: SCHEDULE_LIMIT, key: schedule, limit: 1 }];

/** Begins the run of a tick. Doing it again changes nothing. False: it can never begin. */
export async function beginScheduled(
  engine: Engine,
  schedule: string,
  open: OpenRun,
  { jitterMs }: ScheduleSpec,
  how: ScheduledBeginning,
): Promise<boolean> {
  const { run, tick, order } = open;
  if ("refusal" in how) {
    engine.logger.warn("a run of a schedule cannot begin", { run, error: how.refusal });
    return false;
  }
  const { workflow } = how;
  const now = engine.world.clock.now();
  const at = order === null ? tick + jitterOf(run, jitterMs) : now;
  const wishes = { limits: limitsOf(schedule, open) };
  const creation = { ...how.creation, wishes };
  const draft = new Draft(emptyRun(run), now);
  draft.add([
    {
      ...createdEvent(workflow, creation, now, at > now ? at : undefined),
      ...aloneInBatch(workflow, run),
      tick: { schedule, at: tick, ...(order === null ? {} : { order }) },
    },
  ]);
  try {
    await beginRun(engine, draft, { hinted: true });
  } catch (error) {
    if (isMillraceError(error, "E_RUN_ERASED")) return false;
    if (!isMillraceError(error, "E_RUN_CONFLICT")) throw error;
    // Begun before the schedule was changed, or somebody has given this id to a run of theirs.
    engine.logger.warn("the run of a tick is there with another input", { run });
  }
  return true;
}
