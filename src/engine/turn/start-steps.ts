/** The last part of a turn: attempts begin for which there is room. */
import { startCommand } from "../../domain/decide.ts";
import { startable } from "../../domain/outstanding.ts";
import { undoOf } from "../../domain/plan.ts";
import { type RunState, standsStill } from "../../domain/state.ts";
import { MillraceError } from "../../kernel/errors.ts";
import type { Beginning, Placing } from "../nodes/placing.ts";
import type { Draft } from "./draft.ts";
import { stepBody } from "./step-body.ts";
import { policyOf, type TurnContext } from "./turn-context.ts";

/** What has begun in the draft. */
export interface Started {
  /** What is held for it is the caller's to give back if the commit does not stand. */
  readonly started: readonly Beginning[];
  /** Steps failed because no node could ever carry them: what follows is not in the draft. */
  readonly failed: boolean;
}

/** Nothing has begun. */
export const NONE_STARTED: Started = { started: [], failed: false };

/** Begins what can begin. */
export function startSteps(context: TurnContext, draft: Draft): Started {
  const { placing } = context;
  if (placing === undefined || standsStill(draft.state)) return NONE_STARTED;
  placing.turn(draft.state);
  if (isUnfit(placing, draft)) return NONE_STARTED;
  const found: Beginning[] = [];
  let never: readonly Unplaceable[];
  try {
    never = place(context, placing, draft, found);
  } catch (error) {
    for (const beginning of found) placing.giveBack(beginning);
    throw error;
  }
  // The function is told, and may do something else.
  for (const { step, why } of never) {
    draft.failStep(step, { code: "E_RESOURCES_UNAVAILABLE", message: why });
  }
  const started = found.filter((beginning) => begins(context, draft, placing, beginning));
  return { started, failed: never.length > 0 };
}

interface Unplaceable {
  readonly step: string;
  readonly why: string;
}

/** Finds places for what can begin, and what no node could ever carry. */
function place(
  context: TurnContext,
  placing: Placing,
  draft: Draft,
  found: Beginning[],
): readonly Unplaceable[] {
  const never: Unplaceable[] = [];
  for (const duty of startable(draft.state, draft.now)) {
    if (duty.kind !== "start" || !canStart(context, draft.state, duty.step)) continue;
    const { place: wanted } = policyOf(context, draft.state, duty.step);
    const beginning = placing.begin(draft.state, duty.step, wanted);
    if (beginning !== undefined) found.push(beginning);
    else if (placing.isStuck) break;
    else if (wanted !== undefined && draft.state.graph === undefined && placing.knowsAll) {
      const why = placing.never(draft.state, duty.step, wanted);
      if (why !== undefined) never.push({ step: duty.step, why });
    }
  }
  return never;
}

function begins(
  context: TurnContext,
  draft: Draft,
  placing: Placing,
  beginning: Beginning,
): boolean {
  const policy = policyOf(context, draft.state, beginning.step);
  const { step, node } = beginning;
  const refused = draft.step(step, startCommand(node, policy, draft.now, beginning));
  if (refused !== undefined) placing.giveBack(beginning);
  return refused === undefined;
}

/**
 * A step of the plan needs more than any node has. Nothing of the run begins then; once every node has been
 * heard, the run fails.
 */
function isUnfit(placing: Placing, draft: Draft): boolean {
  const { state } = draft;
  if (state.graph === undefined || hasBegun(state)) return false;
  const why = placing.misfit(state);
  if (why === undefined) return false;
  if (!placing.knowsAll) return true;
  draft.fail({ code: "E_RESOURCES_UNAVAILABLE", message: `${why}; nothing of the run was begun` });
  draft.settle();
  return true;
}

/** Looked at until the first attempt begins: then most steps have no event yet. */
const hasBegun = ({ steps, running }: RunState): boolean =>
  running.size > 0 || [...steps.values()].some(({ context }) => context.attempt > 0);

/**
 * A step of code can only run once the code, run again after a crash, has come to it. What is to be
 * undone must be undone: without the code for it, nothing of the run is written here.
 */
function canStart(context: TurnContext, state: RunState, step: string): boolean {
  if (stepBody(context, state, step) !== undefined) return true;
  if (undoOf(step) === undefined) return false;
  throw new MillraceError(
    "E_WORKFLOW_UNKNOWN",
    `this process has no code for ${step} of run ${state.id}; give open() the version of workflow ${context.workflow.name} that the run began with`,
    { details: { run: state.id, step } },
  );
}
