/**
 * What a run is told from outside, taken into the draft. What is refused is recorded, never lost in silence.
 */
import type { StepCommand } from "../../../machines/step-data.ts";
import type { Value } from "../../../machines/values.ts";
import { attemptsOf } from "../../domain/decide.ts";
import { isKnownStep, type RunState } from "../../domain/state.ts";
import type { Refusal } from "../../domain/table.ts";
import { toFailure } from "../../events/failure.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import { limits } from "../../kernel/limits.ts";
import { validate } from "../../workflow/schema.ts";
import { fromValue, toValue } from "../values/values.ts";
import type { Draft } from "./draft.ts";
import type { Input, StepOrder } from "./input.ts";
import { stepBody } from "./step-body.ts";
import { takeChildReport } from "./take-child.ts";
import { policyOf, type TurnContext } from "./turn-context.ts";

/** An input that tells of no attempt. */
export type PlainInput = Exclude<Input, { kind: "report" | "note" }>;

/** Takes what somebody outside says. `context` is absent where the run's code is: what needs none is taken. */
export async function takeInput(
  context: TurnContext | undefined,
  draft: Draft,
  input: PlainInput,
): Promise<void> {
  const refused = await takePlain(context, draft, input);
  if (refused === undefined) return;
  const why = "because" in refused ? refused.because : `in state ${refused.state}`;
  draft.anomaly("refused-input", `${input.kind} ${input.id} ${why}`);
}

type Refused = Refusal | { readonly because: string };

async function takePlain(
  context: TurnContext | undefined,
  draft: Draft,
  input: PlainInput,
): Promise<Refused | undefined> {
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
    case "cancel": {
      // One that has the id which the parent wanted for its child is not to pay for that.
      if (input.parent !== undefined && draft.state.run.context.parent?.run !== input.parent) {
        return { state: "foreign", refused: "cmd.cancel" };
      }
      const { by, reason } = input;
      const graceMs = input.graceMs ?? draft.state.plan?.cancelGraceMs ?? limits.cancelGraceMs;
      return draft.run({ type: "cmd.cancel", now, by, reason, until: now + graceMs });
    }
    case "terminate":
      return draft.terminate(input.by, input.reason);
    case "pause":
      return draft.run({ type: "cmd.pause", now, by: input.by, reason: input.reason });
    case "resume":
      return draft.run({ type: "cmd.resume", now, by: input.by });
    case "step":
      return orderStep(context, draft, input);
  }
}

async function orderStep(
  context: TurnContext | undefined,
  draft: Draft,
  order: StepOrder,
): Promise<Refused | undefined> {
  const { state, now } = draft;
  const { step, reason } = order;
  if (!isKnownStep(state, step)) return { state: "undeclared", refused: order.command };
  const by = order.by ?? "unknown";
  switch (order.command) {
    case "cmd.cancel":
      return draft.step(step, { type: "cmd.cancel", now, reason });
    case "cmd.give_up":
      return draft.step(step, { type: "cmd.give_up", now, by, reason });
    case "cmd.retry": {
      const policy = context === undefined ? undefined : policyOf(context, state, step);
      const attempts = order.attempts ?? attemptsOf(state, step, policy);
      const input = order.input === undefined ? {} : { input: order.input };
      return draft.step(step, { type: "cmd.retry", now, by, reason, attempts, ...input });
    }
    case "cmd.skip":
      return skipStep(context, draft, order);
  }
}

/** What is given in place of a result must look like one, as far as this process can tell. */
async function skipStep(
  context: TurnContext | undefined,
  draft: Draft,
  { step, reason, by, output: given }: StepOrder,
): Promise<Refused | undefined> {
  const skip: StepCommand = {
    type: "cmd.skip",
    now: draft.now,
    reason,
    ...(by === undefined ? {} : { by }),
  };
  if (given === undefined) return draft.step(step, skip);
  try {
    return draft.step(step, { ...skip, output: await checked(context, draft.state, step, given) });
  } catch (error) {
    // Whatever a schema throws is the user's; what the store throws is not about the order.
    if (isMillraceError(error) && !ABOUT_THE_ORDER.has(error.code)) throw error;
    return { because: toFailure(error).message };
  }
}

const ABOUT_THE_ORDER: ReadonlySet<string> = new Set([
  ...["E_SCHEMA", "E_NOT_JSON", "E_TOO_LARGE", "E_STORE_MISSING"],
]);

async function checked(
  context: TurnContext | undefined,
  state: RunState,
  step: string,
  given: Value,
): Promise<Value> {
  const schema = context === undefined ? undefined : stepBody(context, state, step)?.output;
  if (context === undefined || schema === undefined) return given;
  const { blobs } = context.engine.store;
  const what = `output given for step ${step}`;
  return toValue(blobs, what, await validate(schema, what, await fromValue(blobs, given, state)));
}
