/** What a run does for its child runs: begins them, and asks them to stop. Doing either again is no harm. */
import type { Child } from "../../../machines/child-data.ts";
import type { RunEvent } from "../../../machines/run-data.ts";
import { emptyRun, type RunState } from "../../domain/state.ts";
import { canonicalJson, digest, type Json } from "../../kernel/json.ts";
import type { Workflow } from "../../workflow/definition.ts";
import type { Engine } from "../engine.ts";
import { beginRun, definedBy } from "../hosting/begin-run.ts";
import { inboxOf } from "../hosting/chain.ts";
import { Draft } from "./draft.ts";
import { encodeInput } from "./input.ts";

/** What children need to know of their parent. */
export interface ParentFacts {
  readonly run: string;
  readonly workflow: string;
  /** The run that its inbox is named after. */
  readonly inbox: string;
}

/** Those of a run. */
export const parentFacts = ({ id, run: { context } }: RunState): ParentFacts => ({
  run: id,
  workflow: context.workflow,
  inbox: inboxOf(id, context),
});

/**
 * @param workflow its definition; undefined: this process does not have it, and whoever hosts the child
 * freezes its plan
 * @throws MillraceError `E_RUN_CONFLICT`, `E_RUN_ERASED`, `E_TOO_LARGE`
 */
export async function beginChild(
  engine: Engine,
  { run, workflow: name, inbox }: ParentFacts,
  step: string,
  child: Child,
  workflow: Workflow | undefined,
): Promise<void> {
  const now = engine.world.clock.now();
  const input = child.input ?? { json: null };
  const given =
    "json" in input ? (input.json as Json) : { blob: "blob" in input ? input.blob : "" };
  const created: RunEvent = {
    type: "run.created",
    at: now,
    workflow: child.workflow,
    content: digest(canonicalJson([child.workflow, given])),
    input,
    ...(await definedBy(engine, workflow, { id: child.run, input, now })),
    parent: { run, workflow: name, step, ...(inbox === run ? {} : { inbox }) },
  };
  const draft = new Draft(emptyRun(child.run), now);
  draft.add([created]);
  await beginRun(engine, draft, { hinted: true });
}

/** It takes the request as soon as it is hosted, if it is the parent's child and has not ended. */
export async function askToStop(
  engine: Engine,
  parent: string,
  { run, workflow }: Pick<Child, "run" | "workflow">,
  reason: string,
): Promise<void> {
  const { inbox, queue } = engine.store;
  const id = engine.world.ids();
  await inbox.post(run, encodeInput({ kind: "cancel", id, by: parent, reason, parent }));
  await queue.offer({ workflow, run });
}
