/**
 * What attempts on other nodes lead to, taken into the draft. They are told apart by what their node
 * granted: whatever does not name the grant of the attempt that runs now comes too late.
 */
import { isKnownStep, stepActor } from "../../domain/state.ts";
import { checkEvent } from "../../events/shapes.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import { noteEvent } from "../attempts/noted.ts";
import type { Draft } from "./draft.ts";
import type { Input } from "./input.ts";
import { loseStep, takeReport } from "./take.ts";
import { policyOf, type TurnContext } from "./turn-context.ts";

type RemoteReport = Extract<Input, { kind: "report" }>;
type RemoteNote = Extract<Input, { kind: "note" }>;

/** An attempt on another node has ended; once that is recorded, its node gives back what it took. */
export function takeRemoteReport(
  context: TurnContext,
  draft: Draft,
  report: RemoteReport,
  confirmed: (() => void)[],
): void {
  const { step, attempt, outcome, node, grant } = report;
  confirmed.push(() => context.cluster.tell(node, { kind: "ended", grant }));
  const { state } = draft;
  context.cluster.heard(node, report.free);
  if (!isCurrent(draft, report)) {
    const now = isKnownStep(state, step) ? stepActor(state, step).state : "undeclared";
    draft.anomaly("late-report", `attempt ${attempt} on node ${node} in state ${now}`, step);
    return;
  }
  context.remotes.reported(step);
  takeReport(context, draft, {
    kind: "report",
    step,
    attempt,
    outcome,
    policy: policyOf(context, state, step),
  });
}

/** Records what an attempt on another node wants recorded, and has it told so. */
export function takeRemoteNote(
  context: TurnContext,
  draft: Draft,
  note: RemoteNote,
  confirmed: (() => void)[],
): void {
  const { node, id, step, attempt } = note;
  const refuse = (message: string): void => {
    const error = { code: "E_CTX_CLOSED", message };
    context.cluster.tell(node, { kind: "recorded", note: id, error });
  };
  if (!isCurrent(draft, note) || stepActor(draft.state, step).state !== "running") {
    refuse(`attempt ${attempt} of step ${step} has ended; nothing more of it is recorded`);
    return;
  }
  try {
    const event = noteEvent(note.noted, draft);
    checkEvent({ ...event }, draft.now);
    draft.add([event]);
    confirmed.push(() => context.cluster.tell(node, { kind: "recorded", note: id, event }));
  } catch (error) {
    if (!isMillraceError(error, "E_FRAME_INVALID")) throw error;
    draft.anomaly("unreadable-input", `note ${id} of node ${node}: ${error.message}`, step);
    refuse(error.message);
  }
}

/** It speaks of the attempt that runs now. */
export const isCurrent = ({ state }: Draft, said: RemoteReport | RemoteNote): boolean => {
  if (!isKnownStep(state, said.step)) return false;
  const { attempt, grant } = stepActor(state, said.step).context;
  return attempt === said.attempt && grant === said.grant;
};

/** A node is gone: what ran there counts, and is tried again. */
export function loseNode(context: TurnContext, draft: Draft, node: string): void {
  for (const step of [...draft.state.running]) {
    const { node: where, grant } = stepActor(draft.state, step).context;
    if (where === node && grant !== null) loseStep(context, draft, step);
  }
}
