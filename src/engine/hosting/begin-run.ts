/** The beginning of a run: its first frame, and a ticket. */
import type { Limit } from "../../../machines/gate-data.ts";
import type { RunContext, RunEvent } from "../../../machines/run-data.ts";
import type { Value } from "../../../machines/values.ts";
import { emptyRun } from "../../domain/state.ts";
import { NO_PREVIOUS, sealFrame } from "../../events/frame.ts";
import { isMillraceError, MillraceError } from "../../kernel/errors.ts";
import { canonicalJson, digest, type Json } from "../../kernel/json.ts";
import type { Workflow } from "../../workflow/definition.ts";
import { admissionOf, type EntryWishes } from "../../workflow/flow.ts";
import { asHint } from "../as-hint.ts";
import type { Engine } from "../engine.ts";
import { loadRun } from "../reading/history.ts";
import type { Draft } from "../turn/draft.ts";
import { fromValue } from "../values/values.ts";

type Created = Extract<RunEvent, { type: "run.created" }>;
/** What a run's first event has from the definition of its workflow. */
type Defined = Pick<Created, "plan" | "deadline" | "admission" | "gather">;

/** A run that another one begins. */
export interface Beginner {
  readonly id: string;
  readonly input: Value;
  readonly now: number;
  /** Limits that only this run has. */
  readonly limits?: readonly Limit[];
}

/**
 * What a run that a run begins gets from the definition of its workflow; no plan: nobody here has it, or
 * its flow control cannot be told from this input. Its host adds it then, or fails it.
 */
export async function definedBy(
  engine: Engine,
  workflow: Workflow | undefined,
  { id, input, now, limits }: Beginner,
): Promise<Defined> {
  if (workflow === undefined) return { plan: null };
  try {
    const json = workflow.flow && (await fromValue(engine.store.blobs, input, emptyRun(id)));
    return { ...definition(workflow, json, now, { limits }), ...aloneInBatch(workflow, id) };
  } catch (error) {
    if (!isMillraceError(error, "E_OPTION_INVALID")) throw error;
    return { plan: null };
  }
}

/** A run that stands alone, of a workflow whose starts are put together, is a batch of one. */
export const aloneInBatch = ({ flow }: Workflow, start: string): Pick<Created, "gather"> =>
  flow?.gather?.by === "batch" ? { gather: { by: "batch", key: "", start } } : {};

function definition(
  workflow: Workflow,
  json: unknown,
  begins: number,
  wishes: EntryWishes,
): Defined {
  const { plan, timeoutMs } = workflow;
  const admission = admissionOf(workflow, json, wishes);
  return {
    plan,
    ...(timeoutMs === undefined ? {} : { deadline: begins + timeoutMs }),
    ...(admission === undefined ? {} : { admission }),
  };
}

/** What a run is created from, read and checked. */
export interface Creation {
  readonly json: Json;
  /** The same as it is recorded. */
  readonly value: Value;
  readonly labels?: Readonly<Record<string, string>>;
  readonly correlation?: string;
  readonly wishes?: EntryWishes;
}

/**
 * The first event of a run that is started for its own sake.
 * @param notBefore ms since the epoch; absent: it begins at once
 * @throws MillraceError `E_OPTION_INVALID` when a key or priority of the workflow's flow control is none
 */
export function createdEvent(
  workflow: Workflow,
  { json, value, labels, correlation, wishes = {} }: Creation,
  now: number,
  notBefore?: number,
): Created {
  const { name } = workflow;
  return {
    type: "run.created",
    at: now,
    workflow: name,
    content: digest(canonicalJson([name, json] as Json)),
    input: value,
    ...definition(workflow, json, notBefore ?? now, wishes),
    ...(labels === undefined ? {} : { labels }),
    ...(correlation === undefined ? {} : { correlation }),
    ...(notBefore === undefined ? {} : { notBefore }),
  };
}

/** A run that is durable. */
export interface Started {
  readonly run: string;
  /** Position of the run's first frame. */
  readonly position: number;
}

/** How a run begins. */
export interface BeginOptions {
  /** A host needs nothing but the first frame to go on. */
  readonly hinted: boolean;
  /** Last position of its inbox that runs before it in its chain have taken. @default 0 */
  readonly inbox?: number;
  /** Asked once its first frame is in the log, before anybody is told; may take it back, and throw. */
  readonly confirm?: (run: string, position: number | undefined) => Promise<void>;
}

/**
 * Appends the draft as the first frame of its run, unless the run exists, and offers a ticket. Doing it
 * again changes nothing.
 * @throws MillraceError `E_RUN_CONFLICT` (the id is taken by another run), `E_TOO_LARGE`, `E_RUN_ERASED`
 */
export async function beginRun(
  engine: Engine,
  draft: Draft,
  { hinted, inbox = 0, confirm }: BeginOptions,
): Promise<Started> {
  const { id: run } = draft.state;
  const { workflow, notBefore } = draft.state.run.context;
  const frame = {
    commit: engine.world.ids(),
    writer: { node: engine.node, epoch: 0 },
    at: draft.now,
    seq: 1,
    inbox,
    events: draft.events,
  };
  const { bytes } = sealFrame(run, NO_PREVIOUS, frame, engine.codec);
  const { log, queue } = engine.store;
  const outcome = await log.append({ workflow, run, expected: 0, bytes });
  if (!outcome.ok) return sameRun(engine, draft, confirm);
  const { position } = outcome;
  await confirm?.(run, position);
  const hint = hinted ? { hint: { position, bytes } } : {};
  await asHint(engine, run, () => queue.offer({ workflow, run, ...hint }, notBefore ?? undefined));
  return { run, position };
}

/** The id is taken: by the same run (a beginning that was repeated), or by another. */
async function sameRun(
  engine: Engine,
  { state: wanted }: Draft,
  confirm: BeginOptions["confirm"],
): Promise<Started> {
  const { id: run } = wanted;
  const found = await loadRun(engine, run);
  const { workflow, content, notBefore } = found.run.context;
  if (content !== wanted.run.context.content || !isOfSame(wanted.run.context, found.run.context)) {
    throw new MillraceError(
      "E_RUN_CONFLICT",
      `run ${run} exists with another workflow, input or parent (${workflow}); choose another id, or look at it with \`millrace show ${run}\``,
      { details: { run, workflow } },
    );
  }
  await confirm?.(run, undefined);
  // Whoever began it may have died before its ticket was offered.
  if (found.run.state === "pending") {
    await asHint(engine, run, () =>
      engine.store.queue.offer({ workflow, run }, notBefore ?? undefined),
    );
  }
  return { run, position: 0 };
}

/** A run that is somebody's child, or goes on for another, is not mistaken for anybody else's. */
function isOfSame(wanted: RunContext, found: RunContext): boolean {
  const { parent, chain } = wanted;
  if (parent !== null && (parent.run !== found.parent?.run || parent.step !== found.parent.step)) {
    return false;
  }
  return chain === null || chain.previous === found.chain?.previous;
}
