/**
 * What attempts tell their run, taken into the draft: reports of their end, and notes of running ones.
 * What comes too late is refused and recorded, never lost in silence. (`take-input.ts`: what comes from
 * outside.)
 */
import { type Setback, setbackCommand } from "../../domain/decide.ts";
import { type StepPolicy, undoOf } from "../../domain/plan.ts";
import { stepActor } from "../../domain/state.ts";
import { toFailure } from "../../events/failure.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { noteEvent } from "../attempts/noted.ts";
import type { Draft } from "./draft.ts";
import type { Note, Report } from "./mail.ts";
import { policyOf, type TurnContext } from "./turn-context.ts";

/**
 * The attempts that a dead or fenced host left running: each counts, and is tried again. Those on nodes
 * that are there go on, and report to this host.
 */
export function loseRunning(
  context: Pick<TurnContext, "engine" | "driver">,
  draft: Draft,
  isThere: ReadonlySet<string>,
): void {
  for (const step of [...draft.state.running]) {
    const { node, grant } = stepActor(draft.state, step).context;
    if (grant === null || !isThere.has(node ?? "")) loseStep(context, draft, step);
  }
}

/** Whoever ran the step is gone: its attempt counts, and it is tried again. */
export function loseStep(
  context: Pick<TurnContext, "engine" | "driver">,
  draft: Draft,
  step: string,
): void {
  const { attempt, node } = stepActor(draft.state, step).context;
  const error = toFailure(
    new MillraceError(
      "E_STEP_LOST",
      `node ${node ?? "?"} went away during attempt ${attempt} of step ${step}`,
    ),
  );
  const policy = policyOf(context, draft.state, step);
  const setback = { attempt, error: withoutStack(error), retry: "lost" } as const;
  takeSetback(context, draft, step, policy, setback);
}

const withoutStack = ({ code, message }: { code: string; message: string }) => ({ code, message });

/** An attempt that ran in this process has ended. */
export function takeReport(
  context: Pick<TurnContext, "engine">,
  draft: Draft,
  report: Report,
): void {
  const { step, attempt, outcome, policy } = report;
  const { now } = draft;
  if (!outcome.ok) {
    takeSetback(context, draft, step, policy, { attempt, ...outcome });
    return;
  }
  const refused = draft.step(step, { type: "cmd.complete", now, attempt, output: outcome.output });
  if (refused) draft.anomaly("late-report", `attempt ${attempt} in state ${refused.state}`, step);
}

function takeSetback(
  context: Pick<TurnContext, "engine">,
  draft: Draft,
  step: string,
  { retry }: StepPolicy,
  setback: Omit<Setback, "random" | "undoes">,
): void {
  const { now } = draft;
  if (draft.state.run.state === "cancelling") {
    // It was asked to stop, and did: nobody wants it tried again.
    const reason = `the run is being cancelled; it stopped with ${setback.error.message}`;
    if (isRunning(draft, step, setback.attempt))
      draft.step(step, { type: "cmd.cancel", now, reason });
    else draft.anomaly("late-report", `attempt ${setback.attempt} of a cancelled step`, step);
    return;
  }
  const random = context.engine.world.random.next();
  const undoes = undoOf(step) === undefined ? {} : { undoes: true as const };
  const command = setbackCommand(draft.state, retry, { ...setback, ...undoes, random }, now);
  const refused = draft.step(step, command);
  if (refused)
    draft.anomaly("late-report", `attempt ${setback.attempt} in state ${refused.state}`, step);
}

/** Records what a running attempt wants recorded; refuses what comes after its end. */
export function takeNote(draft: Draft, note: Note, confirmed: (() => void)[]): void {
  if (!isRunning(draft, note.step, note.attempt)) {
    const closed = `attempt ${note.attempt} of step ${note.step} has ended; nothing more of it is recorded`;
    note.done.reject(new MillraceError("E_CTX_CLOSED", closed, { details: { step: note.step } }));
    return;
  }
  const event = noteEvent(note.noted, draft);
  draft.add([event]);
  confirmed.push(() => note.done.resolve(event));
}

function isRunning({ state }: Draft, step: string, attempt: number): boolean {
  const actor = stepActor(state, step);
  return actor.state === "running" && actor.context.attempt === attempt;
}
