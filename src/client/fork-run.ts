/**
 * Forks of a run: new runs that go on where it was behind one of its events, with something changed.
 * What was done before is taken over by reference: it is neither copied nor done again.
 */
import type { ForkPoint, RunEvent } from "../../machines/run-data.ts";
import type { Value } from "../../machines/values.ts";
import { refusalError } from "../domain/decide.ts";
import { inherit } from "../domain/fork.ts";
import { isDriven, type RunState, stepActor } from "../domain/state.ts";
import type { Refusal } from "../domain/table.ts";
import { beginRun, type Started } from "../engine/begin-run.ts";
import { Draft } from "../engine/draft.ts";
import type { Engine } from "../engine/engine.ts";
import { loadRunAt } from "../engine/history.ts";
import { readJson, toValue } from "../engine/values.ts";
import { MillraceError } from "../kernel/errors.ts";
import { checkId } from "../kernel/ids.ts";
import { canonicalJson, digest, type Json, toJson } from "../kernel/json.ts";
import type { Workflow } from "../workflow/definition.ts";
import { validate } from "../workflow/schema.ts";
import { existingRun } from "./existing-run.ts";
import { completionOf, receiptOf } from "./fork-point.ts";
import { refuseIrreversible } from "./irreversible.ts";
import { callOptions, invalidOption, isPlainObject, wholeOption } from "./options.ts";
import { checkLabels } from "./start-run.ts";

/** What a fork is to have otherwise than the run that it branches off. */
export interface ForkOptions {
  /** The fork's id. The same id with the same fork again is the same run. @default a new one */
  readonly id?: string;
  /**
   * The last event that it takes over. @default right before the completion of the steps in `results`,
   * or before the receipt of `signal`; one of the three must be given
   */
  readonly seq?: number;
  /** @default that of the run */
  readonly input?: unknown;
  /** A signal that the fork has received. */
  readonly signal?: { readonly name: string; readonly payload?: unknown };
  /** What steps returned that were about to run, or running, at that point. */
  readonly results?: Readonly<Record<string, unknown>>;
  /** Other code: the definition of the same workflow. @default the plan that the run has */
  readonly workflow?: Workflow;
  /** Steps that were declared as irreversible may be done again. @default false */
  readonly allowIrreversible?: boolean;
  /** @default those of the run */
  readonly labels?: Readonly<Record<string, string>>;
}

const OPTIONS = [
  "id",
  "seq",
  "input",
  "signal",
  "results",
  "workflow",
  "labels",
  "allowIrreversible",
] as const;

/** Somewhere to branch off, and what then to do anew. */
interface Branch {
  readonly engine: Engine;
  /** The run that is to be otherwise, as it is now; the point may lie in one that it branched off. */
  readonly of: RunState;
  readonly point: ForkPoint;
  readonly options: Omit<ForkOptions, "seq">;
  /** The definition that is to be found under the workflow's name here, for its input's schema. */
  readonly known: Workflow | undefined;
}

/** See `Client.fork`. */
export async function forkRun(
  engine: Engine,
  run: string,
  rawOptions: ForkOptions,
  known: (workflow: string) => Workflow | undefined,
): Promise<Started> {
  const options = callOptions("fork()", rawOptions, OPTIONS);
  const origin = await existingRun(engine, run);
  const point = await pointOf(engine, origin, options);
  return branchOff({
    engine,
    of: origin,
    point,
    options,
    known: known(origin.run.context.workflow),
  });
}

async function pointOf(
  engine: Engine,
  origin: RunState,
  { seq, results, signal }: ForkOptions,
): Promise<ForkPoint> {
  const { id: run, cursor } = origin;
  if (seq !== undefined) {
    wholeOption("seq", seq, 1);
    if (seq <= cursor.seq) return { run, seq };
    throw invalidOption("seq", `run ${run} has ${cursor.seq} events, there is none ${seq}`);
  }
  const steps = Object.keys(results ?? {});
  const found =
    steps.length > 0
      ? await completionOf(engine, run, steps)
      : signal && (await receiptOf(engine, run, signal.name));
  if (found !== undefined) return found;
  const what =
    steps.length > 0
      ? `no step ${steps.join(" or ")} has completed in run ${run}`
      : signal
        ? `run ${run} has received no signal ${signal.name}`
        : "give the event to branch off behind";
  throw invalidOption("seq", `${what}; \`millrace events ${run}\` lists its events with their seq`);
}

/** Appends the first frame of a fork, and offers its ticket. */
export async function branchOff({ engine, of, point, options, known }: Branch): Promise<Started> {
  const origin = await loadRunAt(engine, point.run, point.seq);
  const { id = engine.world.ids(), workflow = known } = options;
  const run = checkId("run id", id);
  checkSame(of, workflow);
  await refuseIrreversible(engine, origin, point, options);
  const now = engine.world.clock.now();
  const changed = await changesOf(engine, workflow, options);
  const draft = new Draft(inherit(origin, run, point.reset), now);
  draft.add([createdFrom(of, options, point, changed, now)]);
  for (const [step, output] of changed.results) giveResult(engine, draft, step, output);
  if (changed.signal !== undefined) {
    const { name, payload } = changed.signal;
    const signal = digest(`${run}/${name}`);
    refuseIf("signal", draft.run({ type: "cmd.signal", now, signal, name, payload }));
  }
  return beginRun(engine, draft, { hinted: false });
}

function checkSame(origin: RunState, workflow: Workflow | undefined): void {
  const { workflow: name } = origin.run.context;
  if (isDriven(origin)) {
    throw new MillraceError(
      "E_COMMAND_REFUSED",
      `run ${origin.id} is driven by hand, through a store; a fork of it would have nobody to host it`,
      { details: { run: origin.id } },
    );
  }
  const { kind = workflow?.kind } = origin.plan ?? {};
  if (workflow === undefined || (workflow.name === name && workflow.kind === kind)) return;
  throw invalidOption(
    "workflow",
    `run ${origin.id} is of workflow ${name} (${kind}), not ${workflow.name} (${workflow.kind})`,
  );
}

/** What is changed, as recorded values. */
interface Changes {
  readonly input: Value | undefined;
  readonly results: readonly (readonly [step: string, output: Value])[];
  readonly signal: { readonly name: string; readonly payload: Value } | undefined;
  /** Digest of all that is changed. */
  readonly content: string;
}

async function changesOf(
  engine: Engine,
  workflow: Workflow | undefined,
  options: Branch["options"],
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
  const { signal } = options;
  const payload = signal && readJson(`payload of signal ${signal.name}`, signal.payload);
  const version = options.workflow?.plan.version ?? null;
  const all = [
    given ? (input as Json) : null,
    given,
    results,
    signal?.name ?? null,
    payload ?? null,
  ];
  return {
    input: given ? await toValue(blobs, what, input) : undefined,
    results: await Promise.all(
      results.map(async ([step, value]) => [step, await toValue(blobs, step, value)] as const),
    ),
    signal: signal && {
      name: checkId("signal name", signal.name),
      payload: await toValue(blobs, "payload", payload),
    },
    content: digest(canonicalJson([...all, version] as unknown as Json)),
  };
}

function createdFrom(
  origin: RunState,
  { workflow, labels }: Branch["options"],
  { run, seq, reset }: ForkPoint,
  { input, content }: Changes,
  now: number,
): RunEvent {
  const { context } = origin.run;
  const { deadline, createdAt } = context;
  const kept = checkLabels(labels) ?? context.labels;
  const timeoutMs = workflow?.timeoutMs ?? (deadline === null ? undefined : deadline - createdAt);
  return {
    type: "run.created",
    at: now,
    workflow: context.workflow,
    content: digest(canonicalJson([context.content, run, seq, [...(reset ?? [])], content])),
    input: input ?? context.input,
    plan: workflow?.plan ?? origin.plan ?? null,
    ...(Object.keys(kept).length === 0 ? {} : { labels: kept }),
    ...(timeoutMs === undefined ? {} : { deadline: now + timeoutMs }),
    ...(context.admission === null ? {} : { admission: context.admission }),
    forkOf: { run, seq, ...(reset === undefined ? {} : { reset }) },
  };
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
