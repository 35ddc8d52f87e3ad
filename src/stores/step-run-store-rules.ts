/**
 * The decisions of the step-run store, as functions of a draft: which events a call leads to, and
 * which answer. They follow the two tables of the seed (docs/seeds.md); the step's machine has the
 * last word.
 */

import type { StepCommand } from "../../machines/step-data.ts";
import type { Failure, Value } from "../../machines/values.ts";
import { refusalError } from "../domain/decide.ts";
import { stepActor } from "../domain/state.ts";
import type { Draft } from "../engine/turn/draft.ts";
import { MillraceError } from "../kernel/errors.ts";
import { canonicalJson, type Json } from "../kernel/json.ts";
import { limits } from "../kernel/limits.ts";
import { demandActive, demandDriven } from "./driven-run.ts";

/** How a step is begun. */
export interface Beginning {
  readonly input: Value;
  readonly owner: string;
  /** How long the claim is safe from others; undefined: for ever. */
  readonly leaseMs: number | undefined;
  readonly maxAttempts: number | undefined;
}

/** The outcome that somebody reports, for the attempt that it was told of. */
export type Report =
  | { readonly kind: "complete"; readonly output: Value }
  | { readonly kind: "fail"; readonly error: Failure };

/** True: scheduled by this call. False: it had been scheduled, begun or ended before. */
export function decideSchedule(
  draft: Draft,
  step: string,
  input: Value,
  maxAttempts: number | undefined,
): boolean {
  const what = `schedule step ${step}`;
  demandDriven(draft.state, what);
  if (stepActor(draft.state, step).state !== "waiting") return false;
  demandActive(draft.state, what);
  order(draft, step, scheduleCommand(draft, input, maxAttempts));
  return true;
}

/**
 * The fence of the attempt that this call began; undefined: somebody else has the step, or it has
 * ended.
 */
export function decideBegin(draft: Draft, step: string, begin: Beginning): number | undefined {
  const what = `begin step ${step}`;
  demandDriven(draft.state, what);
  const { state, context } = stepActor(draft.state, step);
  switch (state) {
    case "waiting":
      demandActive(draft.state, what);
      order(draft, step, scheduleCommand(draft, begin.input, begin.maxAttempts));
      return start(draft, step, begin);
    case "pending":
      demandActive(draft.state, what);
      return start(draft, step, begin);
    case "retrying":
      demandActive(draft.state, what);
      return start(draft, step, begin, begin.input);
    case "running":
      if (context.endBy === null || draft.now < context.endBy) return undefined;
      demandActive(draft.state, what);
      loseLease(draft, step);
      // The last attempt that the step had: it has failed for good.
      if (stepActor(draft.state, step).state !== "retrying") return undefined;
      return start(draft, step, begin);
    default:
      return undefined;
  }
}

/**
 * False: the report came too late, which is recorded. True: it is in the draft, or was taken
 * before.
 */
export function decideReport(draft: Draft, step: string, fence: number, report: Report): boolean {
  demandDriven(draft.state, `${report.kind} step ${step}`);
  if (!draft.state.steps.has(step)) throw notFound(draft.state.id, step);
  const { state, context } = stepActor(draft.state, step);
  const { now } = draft;
  if (context.attempt === fence && wasTaken(state, context, report)) return true;
  if (state !== "running" || context.attempt !== fence) {
    draft.anomaly("stale-step", `${report.kind} of attempt ${fence} in state ${state}`, step);
    return false;
  }
  order(
    draft,
    step,
    report.kind === "complete"
      ? { type: "cmd.complete", now, attempt: fence, output: report.output }
      : { type: "cmd.fail", now, attempt: fence, error: report.error, retry: true, retryAt: now },
  );
  return true;
}

const notFound = (run: string, step: string): MillraceError =>
  new MillraceError("E_STEP_NOT_FOUND", `run ${run} has no step run ${step}`, {
    details: { run, step },
  });

function start(draft: Draft, step: string, begin: Beginning, input?: Value): number {
  const { retryAt } = stepActor(draft.state, step).context;
  // It may begin again at once, also by the clock of a process that is behind.
  const now = Math.max(draft.now, retryAt ?? 0);
  order(draft, step, {
    type: "cmd.start",
    now,
    node: begin.owner,
    ...(begin.leaseMs === undefined ? {} : { endBy: now + begin.leaseMs }),
    ...(input === undefined ? {} : { input }),
  });
  return stepActor(draft.state, step).context.attempt;
}

const scheduleCommand = (
  { now }: Draft,
  input: Value,
  maxAttempts: number = limits.attemptsMax,
): StepCommand => ({ type: "cmd.schedule", now, maxAttempts, input });

function loseLease(draft: Draft, step: string): void {
  const { attempt, node } = stepActor(draft.state, step).context;
  const message = `the lease of ${node ?? "?"} on attempt ${attempt} of step ${step} ran out`;
  const { now } = draft;
  const error = { code: "E_STEP_LOST", message };
  order(draft, step, { type: "cmd.fail", now, attempt, error, retry: true, retryAt: now });
}

/** @throws MillraceError `E_COMMAND_REFUSED` when the machine does not take it */
function order(draft: Draft, step: string, command: StepCommand): void {
  const refused = draft.step(step, command);
  if (refused !== undefined) throw refusalError(`step ${step}`, refused);
}

/** Whether this very report was taken before: it is then answered as it was the first time. */
function wasTaken(
  state: string,
  { output, error }: { readonly output: Value | null; readonly error: Failure | null },
  report: Report,
): boolean {
  if (report.kind === "complete") {
    return state === "completed" && output !== null && isSame(output, report.output);
  }
  const { code, message } = report.error;
  const failed = state === "retrying" || state === "failed";
  return failed && error?.code === code && error.message === message;
}

const isSame = (one: Value, other: Value): boolean =>
  canonicalJson(one as Json) === canonicalJson(other as Json);
