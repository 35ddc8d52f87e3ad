/**
 * What reaches a run, taken into the draft: reports of attempts, notes of running ones, and inputs from
 * outside. What comes too late or cannot be read is refused and recorded, never lost in silence.
 */
import { type Setback, setbackCommand } from "../domain/decide.ts";
import { type StepPolicy, undoOf } from "../domain/plan.ts";
import { type RunState, stepActor } from "../domain/state.ts";
import type { Refusal } from "../domain/table.ts";
import { toFailure } from "../events/failure.ts";
import { MillraceError } from "../kernel/errors.ts";
import type { Draft } from "./draft.ts";
import type { Input } from "./input.ts";
import type { Note, Report } from "./mail.ts";
import { noteEvent } from "./noted.ts";
import { takeChildReport } from "./take-child.ts";
import { policyOf, type TurnContext } from "./turn-context.ts";

/**
 * The attempts that a dead or fenced host left running: each counts, and is tried again. Those on nodes
 * that are there go on, and report to this host.
 */
export function loseRunning(
  context: TurnContext,
  draft: Draft,
  isThere: ReadonlySet<string>,
): void {
  for (const step of [...draft.state.running]) {
    const { node, grant } = stepActor(draft.state, step).context;
    if (grant === null || !isThere.has(node ?? "")) loseStep(context, draft, step);
  }
}

/** Whoever ran the step is gone: its attempt counts, and it is tried again. */
export function loseStep(context: TurnContext, draft: Draft, step: string): void {
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
export function takeReport(context: TurnContext, draft: Draft, report: Report): void {
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
  context: TurnContext,
  draft: Draft,
  step: string,
  { retry }: StepPolicy,
  setback: Omit<Setback, "random" | "undoes">,
): void {
  const random = context.engine.world.random.next();
  const undoes = undoOf(step) === undefined ? {} : { undoes: true as const };
  const command = setbackCommand(draft.state, retry, { ...setback, ...undoes, random }, draft.now);
  const refused = draft.step(step, command);
  if (refused)
    draft.anomaly("late-report", `attempt ${setback.attempt} in state ${refused.state}`, step);
}

/** Records what a running attempt wants recorded; refuses what comes after its end. */
export function takeNote(draft: Draft, note: Note, confirmed: (() => void)[]): void {
  const actor = stepActor(draft.state, note.step);
  if (actor.state !== "running" || actor.context.attempt !== note.attempt) {
    const closed = `attempt ${note.attempt} of step ${note.step} has ended; nothing more of it is recorded`;
    note.done.reject(new MillraceError("E_CTX_CLOSED", closed, { details: { step: note.step } }));
    return;
  }
  const event = noteEvent(note.noted, draft);
  draft.add([event]);
  confirmed.push(() => note.done.resolve(event));
}

/** An input that tells of no attempt. */
export type PlainInput = Exclude<Input, { kind: "report" | "note" }>;

/** Takes what somebody outside says. */
export function takeInput(draft: Draft, input: PlainInput): void {
  const refused = takeDecoded(draft, input);
  if (refused)
    draft.anomaly("refused-input", `${input.kind} ${input.id} in state ${refused.state}`);
}

function takeDecoded(draft: Draft, input: PlainInput): Refusal | undefined {
  const { now } = draft;
  switch (input.kind) {
    case "signal":
      return draft.run({
        type: "cmd.signal",
        now,
        signal: input.id,
        name: input.name,
        payload: input.payload,
        ...(input.decision === undefined ? {} : { decision: input.decision }),
      });
    case "child":
      return takeChildReport(draft, input);
    case "cancel":
      // One that has the id which the parent wanted for its child is not to pay for that.
      if (input.parent !== undefined && draft.state.run.context.parent?.run !== input.parent) {
        return { state: "foreign", refused: "cmd.cancel" };
      }
      return draft.run({ type: "cmd.cancel", now, by: input.by, reason: input.reason });
    case "pause":
      return draft.run({ type: "cmd.pause", now, by: input.by, reason: input.reason });
    case "resume":
      return draft.run({ type: "cmd.resume", now, by: input.by });
    case "step":
      if (!isKnown(draft.state, input.step)) return { state: "undeclared", refused: input.command };
      return draft.step(input.step, { type: input.command, now, reason: input.reason });
  }
}

/** The run has such a step. */
export const isKnown = (state: RunState, step: string): boolean =>
  state.steps.has(step) || state.pending.has(step) || state.graph?.steps.has(step) === true;
