/** The beginning of a run: its first frame, and a ticket. */
import type { RunContext, RunEvent } from "../../machines/run-data.ts";
import { NO_PREVIOUS, sealFrame } from "../events/frame.ts";
import { MillraceError } from "../kernel/errors.ts";
import type { Workflow } from "../workflow/definition.ts";
import type { Draft } from "./draft.ts";
import type { Engine } from "./engine.ts";
import { loadRun } from "./history.ts";

/** What a run gets from the definition of its workflow; null: nobody here has it, and its host adds it. */
export const definedBy = (
  workflow: Workflow | undefined,
  now: number,
): Pick<Extract<RunEvent, { type: "run.created" }>, "plan" | "deadline"> => ({
  plan: workflow?.plan ?? null,
  ...(workflow?.timeoutMs === undefined ? {} : { deadline: now + workflow.timeoutMs }),
});

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
}

/**
 * Appends the draft as the first frame of its run, unless the run exists, and offers a ticket. Doing it
 * again changes nothing.
 * @throws MillraceError `E_RUN_CONFLICT` (the id is taken by another run), `E_TOO_LARGE`, `E_RUN_ERASED`
 */
export async function beginRun(
  engine: Engine,
  draft: Draft,
  { hinted, inbox = 0 }: BeginOptions,
): Promise<Started> {
  const { id: run } = draft.state;
  const { workflow } = draft.state.run.context;
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
  if (!outcome.ok) return sameRun(engine, draft);
  const { position } = outcome;
  await queue.offer({ workflow, run, ...(hinted ? { hint: { position, bytes } } : {}) });
  return { run, position };
}

/** The id is taken: by the same run (a beginning that was repeated), or by another. */
async function sameRun(engine: Engine, { state: wanted }: Draft): Promise<Started> {
  const { id: run } = wanted;
  const found = await loadRun(engine, run);
  const { workflow, content } = found.run.context;
  if (content !== wanted.run.context.content || !isOfSame(wanted.run.context, found.run.context)) {
    throw new MillraceError(
      "E_RUN_CONFLICT",
      `run ${run} exists with another workflow, input or parent (${workflow}); choose another id, or look at it with \`millrace show ${run}\``,
      { details: { run, workflow } },
    );
  }
  // Whoever began it may have died before its ticket was offered.
  if (found.run.state === "pending") await engine.store.queue.offer({ workflow, run });
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
