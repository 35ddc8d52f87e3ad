/** Starting a run: what was said is read and checked, then it begins. */
import { emptyRun } from "../../domain/state.ts";
import type { Engine } from "../../engine/engine.ts";
import {
  beginRun,
  type Creation,
  createdEvent,
  type Started,
} from "../../engine/hosting/begin-run.ts";
import type { Gates } from "../../engine/records/gates.ts";
import { Draft } from "../../engine/turn/draft.ts";
import { readJson, toValue } from "../../engine/values/values.ts";
import { type Duration, millis } from "../../kernel/duration.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { checkId, checkNewId } from "../../kernel/ids.ts";
import { type AnyInstant, anyInstantMs } from "../../kernel/instant.ts";
import { limits } from "../../kernel/limits.ts";
import type { Workflow } from "../../workflow/definition.ts";
import { checkPriority } from "../../workflow/flow.ts";
import { validate } from "../../workflow/schema.ts";
import { callOptions, invalidOption, isPlainObject, textOption } from "../options.ts";
import { gatherStart } from "./gather-start.ts";

/** What `start` may be told besides the input. */
export interface StartOptions {
  /**
   * The run's id; by default a new one. The same id with the same input is the same run. If starts of the
   * workflow are debounced or batched, it is the id of this start, which is put into its run once.
   */
  readonly id?: string;
  /** Up to 32 names and values to find the run by later. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Signals to this key reach it, as those to its id do: see `Client.signalWhere`. Any text of 1 to 256 characters. */
  readonly correlation?: string;
  /** It begins so much later. @default at once */
  readonly delay?: Duration;
  /** It begins at this time. @default at once */
  readonly at?: AnyInstant;
  /** Among runs that wait for admission: see `FlowOptions.priority`. @default as the workflow says */
  readonly priority?: number;
}

/** What it takes to start runs. */
export interface StartParts {
  readonly engine: Engine;
  readonly gates: Gates;
}

const START_OPTIONS = ["id", "labels", "correlation", "delay", "at", "priority"] as const;

/**
 * Appends `run.created` unless the run exists, and offers a ticket. If starts of the workflow are put
 * together, it may become a part of a run that exists.
 * @throws MillraceError `E_ID_INVALID`, `E_OPTION_INVALID`, `E_NOT_JSON`, `E_SCHEMA`, `E_TOO_LARGE`,
 * `E_RUN_CONFLICT` (the id is taken by a run with other content), `E_RUN_ERASED`
 */
export async function startRun(
  { engine, gates }: StartParts,
  workflow: Workflow,
  input: unknown,
  options: StartOptions,
): Promise<Started> {
  const given = callOptions("start()", options, START_OPTIONS);
  const { id = engine.world.ids() } = given;
  const run = checkNewId("run id", id);
  const labels = checkLabels(given.labels);
  const correlation =
    given.correlation === undefined ? undefined : checkCorrelation(given.correlation);
  const priority =
    given.priority === undefined ? undefined : checkPriority("priority", given.priority);
  const notBefore = beginTime(given, engine.world.clock.now());
  const what = `input of ${workflow.name}`;
  // Without a schema the copy is made before anything is waited for: the caller may go on to change it.
  const copied = workflow.input === undefined ? readJson(what, input) : input;
  const json = readJson(what, await validate(workflow.input, what, copied));
  const value = await toValue(engine.store.blobs, what, json);
  const creation: Creation = {
    json,
    value,
    wishes: { priority },
    ...(labels === undefined ? {} : { labels }),
    ...(correlation === undefined ? {} : { correlation }),
  };
  const how = workflow.flow?.gather;
  if (how === undefined) return beginOne(engine, workflow, run, creation, notBefore);
  if (correlation !== undefined) {
    throw invalidOption(
      "correlation",
      `starts of ${workflow.name} may become one run, of many keys`,
    );
  }
  if (notBefore === undefined) {
    return gatherStart({ engine, gates, workflow, how, start: run, creation });
  }
  throw invalidOption("delay", `runs of ${workflow.name} begin when their ${how.by} says so`);
}

function beginOne(
  engine: Engine,
  workflow: Workflow,
  run: string,
  creation: Creation,
  notBefore: number | undefined,
): Promise<Started> {
  const draft = new Draft(emptyRun(run), engine.world.clock.now());
  // Folding it first refuses, before anything is written, what no host could fold later.
  draft.add([createdEvent(workflow, creation, draft.now, notBefore)]);
  return beginRun(engine, draft, { hinted: true });
}

/** When the run is to begin; undefined: at once. */
function beginTime(
  { delay, at }: Pick<StartOptions, "delay" | "at">,
  now: number,
): number | undefined {
  if (delay === undefined) return at === undefined ? undefined : anyInstantMs("at", at);
  if (at === undefined) return now + millis("delay", delay);
  throw invalidOption("at", "a run begins at a time or after a delay, not both");
}

/**
 * A key that signals may be sent to.
 * @throws MillraceError `E_OPTION_INVALID`
 */
export function checkCorrelation(key: unknown): string {
  const text = textOption("correlation", key, limits.correlationCharsMax);
  if (text !== "") return text;
  throw invalidOption("correlation", "is empty");
}

/**
 * Labels as they are recorded with a run, and asked for; a copy.
 * @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID`
 */
export function checkLabels(labels: StartOptions["labels"]): StartOptions["labels"] {
  if (labels === undefined) return undefined;
  if (!isPlainObject(labels)) throw invalidOption("labels", "must be a plain object of texts");
  const entries = Object.entries(labels);
  if (entries.length > limits.labelsMax) {
    throw new MillraceError(
      "E_OPTION_INVALID",
      `${entries.length} labels; at most ${limits.labelsMax} are kept`,
    );
  }
  for (const [name, value] of entries) {
    checkId("label name", name);
    if (typeof value !== "string" || value.length > 256) {
      throw new MillraceError(
        "E_OPTION_INVALID",
        `label ${name}: its value must be text of at most 256 characters`,
      );
    }
  }
  return Object.fromEntries(entries);
}
