/** Starting a run: its first frame, and a ticket. */

import type { RunEvent } from "../../machines/run-data.ts";
import { emptyRun } from "../domain/state.ts";
import { beginRun, definedBy, type Started } from "../engine/begin-run.ts";
import { Draft } from "../engine/draft.ts";
import type { Engine } from "../engine/engine.ts";
import { readJson, toValue } from "../engine/values.ts";
import { MillraceError } from "../kernel/errors.ts";
import { checkId } from "../kernel/ids.ts";
import { canonicalJson, digest, type Json } from "../kernel/json.ts";
import { limits } from "../kernel/limits.ts";
import type { Workflow } from "../workflow/definition.ts";
import { validate } from "../workflow/schema.ts";
import { callOptions, invalidOption, isPlainObject } from "./options.ts";

/** What `start` may be told besides the input. */
export interface StartOptions {
  /** The run's id; by default a new one. The same id with the same input is the same run. */
  readonly id?: string;
  /** Up to 32 names and values to find the run by later. */
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * Appends `run.created` unless the run exists, and offers a ticket.
 * @throws MillraceError `E_ID_INVALID`, `E_OPTION_INVALID`, `E_NOT_JSON`, `E_SCHEMA`, `E_TOO_LARGE`,
 * `E_RUN_CONFLICT` (the id is taken by a run with other content), `E_RUN_ERASED`
 */
export async function startRun(
  engine: Engine,
  workflow: Workflow,
  input: unknown,
  options: StartOptions,
): Promise<Started> {
  const { id = engine.world.ids(), ...rest } = callOptions("start()", options, ["id", "labels"]);
  const run = checkId("run id", id);
  const labels = checkLabels(rest.labels);
  const what = `input of ${workflow.name}`;
  // Without a schema the copy is made before anything is waited for: the caller may go on to change it.
  const given = workflow.input === undefined ? readJson(what, input) : input;
  const json = readJson(what, await validate(workflow.input, what, given));
  const value = await toValue(engine.store.blobs, what, json);
  const content = digest(canonicalJson([workflow.name, json] as Json));
  const now = engine.world.clock.now();
  const created: RunEvent = {
    type: "run.created",
    at: now,
    workflow: workflow.name,
    content,
    input: value,
    ...definedBy(workflow, now),
    ...(labels === undefined ? {} : { labels }),
  };
  // Folding it first refuses, before anything is written, what no host could fold later.
  const draft = new Draft(emptyRun(run), now);
  draft.add([created]);
  return beginRun(engine, draft, { hinted: true });
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
