/** What a fork has otherwise than the run that it branches off: read and checked, then put into its first frame. */
import type { Decision } from "../../../machines/approval.ts";
import type { Admission } from "../../../machines/gate-data.ts";
import type { Value } from "../../../machines/values.ts";
import { objectionTo } from "../../domain/approvals.ts";
import { refusalError } from "../../domain/decide.ts";
import { type RunState, stepActor } from "../../domain/state.ts";
import type { Refusal } from "../../domain/table.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Draft } from "../../engine/turn/draft.ts";
import { fromValue, readJson, toValue } from "../../engine/values/values.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { checkId } from "../../kernel/ids.ts";
import { canonicalJson, digest, type Json, toJson } from "../../kernel/json.ts";
import type { Workflow } from "../../workflow/definition.ts";
import { admissionOf } from "../../workflow/flow.ts";
import { validate } from "../../workflow/schema.ts";
import { callOptions, invalidOption, isPlainObject } from "../options.ts";
import { checkLabels } from "../starting/start-run.ts";
import { checkApproval, readDecision } from "../telling/approvals.ts";
import type { ForkOptions, ForkSignal } from "./fork-options.ts";

/** What is changed, as recorded values. */
export interface Changes {
  readonly input: Value | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** What the fork is to be admitted by; null: by nothing. */
  readonly admission: Admission | null;
  readonly results: readonly (readonly [step: string, output: Value])[];
  readonly signal:
    | { readonly name: string; readonly payload: Value; readonly decision?: Decision }
    | undefined;
  /** Digest of all that is changed. */
  readonly content: string;
}

/**
 * @param of the run that the fork is to be otherwise than
 * @throws MillraceError `E_OPTION_INVALID`, `E_SCHEMA`, `E_NOT_JSON`, `E_TOO_LARGE`
 */
export async function changesOf(
  engine: Engine,
  workflow: Workflow | undefined,
  of: RunState,
  options: Omit<ForkOptions, "seq">,
): Promise<Changes> {
  const { blobs } = engine.store;
  const what = "input of the fork";
  const given = "input" in options;
  const input = given
    ? readJson(what, await validate(workflow?.input, what, options.input))
    : undefined;
  if (options.results !== undefined && !isPlainObject(options.results)) {
    throw invalidOption("results", "must be a plain object of values by step");
  }
  const results = Object.entries(options.results ?? {}).map(
    ([step, value]) => [step, toJson(`result of step ${step}`, value)] as const,
  );
  const signal = options.signal && readSignal(of, options.signal);
  const labels = checkLabels(options.labels);
  const parts = [given ? (input as Json) : null, given, results, signal?.name ?? null];
  const version = options.workflow?.plan.version ?? null;
  // What is not given leaves the digest as it was before it could be.
  const late = [
    ...(labels === undefined ? [] : [["labels", labels]]),
    ...(signal?.decision === undefined ? [] : [["decision", signal.decision]]),
  ];
  const content = digest(
    canonicalJson([...parts, signal?.payload ?? null, version, ...late] as unknown as Json),
  );
  return {
    input: given ? await toValue(blobs, what, input) : undefined,
    labels: labels ?? of.run.context.labels,
    admission: await admissionFor(engine, of, { workflow, input, isOther: options }),
    results: await Promise.all(
      results.map(async ([step, value]) => [step, await toValue(blobs, step, value)] as const),
    ),
    signal: signal && { ...signal, payload: await toValue(blobs, "payload", signal.payload) },
    content,
  };
}

interface ReadSignal {
  readonly name: string;
  readonly payload: Json | undefined;
  readonly decision?: Decision;
}

/** @throws MillraceError `E_OPTION_INVALID` when an approval is to be answered without a decision */
function readSignal(of: RunState, raw: ForkSignal): ReadSignal {
  const {
    name = "",
    payload,
    decision,
  } = callOptions("signal", raw, ["name", "payload", "decision"]);
  if (decision !== undefined) {
    checkApproval(name);
    return { name, payload: null, decision: readDecision("signal.decision", decision) };
  }
  const isApproval =
    Object.hasOwn(of.run.context.approvals, name) ||
    of.graph?.steps.get(name)?.wait?.kind === "approval";
  if (!isApproval) {
    checkId("signal name", name);
    return { name, payload: readJson(`payload of signal ${name}`, payload) };
  }
  throw invalidOption(
    "signal",
    `${name} is an approval: say what was decided (decision: { approved, by })`,
  );
}

/** Limits and keys are those of the fork's own input and code, as far as these are known here. */
async function admissionFor(
  engine: Engine,
  of: RunState,
  {
    workflow,
    input,
    isOther,
  }: {
    readonly workflow: Workflow | undefined;
    readonly input: Json | undefined;
    readonly isOther: Omit<ForkOptions, "seq">;
  },
): Promise<Admission | null> {
  const { admission, gather, input: recorded } = of.run.context;
  const isSame = !("input" in isOther) && isOther.workflow === undefined;
  if (workflow === undefined || isSame || gather !== null) return admission;
  const json = input ?? (await fromValue(engine.store.blobs, recorded, of));
  const { flow } = workflow;
  const declared = new Set(flow?.limits.map(({ name }) => name));
  const own = admission?.limits.filter(({ name }) => !declared.has(name));
  const priority = typeof flow?.priority === "function" ? undefined : admission?.priority;
  return admissionOf(workflow, json, { priority, limits: own }) ?? null;
}

/** Puts into the fork's first frame what it has received, and what its steps returned. */
export function applyChanges(engine: Engine, draft: Draft, { results, signal }: Changes): void {
  for (const [step, output] of results) giveResult(engine, draft, step, output);
  if (signal === undefined) return;
  const { now, state } = draft;
  const { name, payload, decision } = signal;
  const objection = decision && objectionTo(state, name, decision);
  if (objection !== undefined) {
    throw new MillraceError("E_COMMAND_REFUSED", `signal of a fork: ${objection}`, {
      details: { run: state.id },
    });
  }
  const told = { signal: digest(`${state.id}/${name}`), name, payload };
  const said = decision === undefined ? {} : { decision };
  refuseIf("signal", draft.run({ type: "cmd.signal", now, ...told, ...said }));
}

/** The step has returned this: recorded as an attempt like any other. */
function giveResult(engine: Engine, draft: Draft, step: string, output: Value): void {
  const { now, state } = draft;
  if (state.ready.has(step)) draft.step(step, { type: "cmd.schedule", now });
  const { attempt } = stepActor(state, step).context;
  const started = draft.step(step, { type: "cmd.start", now, node: engine.node });
  refuseIf(`result of step ${step}`, started);
  const completed = { type: "cmd.complete", now, attempt: attempt + 1, output } as const;
  refuseIf(`result of step ${step}`, draft.step(step, completed));
}

function refuseIf(what: string, refusal: Refusal | undefined): void {
  if (refusal !== undefined) throw refusalError(`${what} of a fork`, refusal);
}
