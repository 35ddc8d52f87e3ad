/**
 * Forks of a run: new runs that go on where it was behind one of its events, with something changed.
 * What was done before is taken over by reference: it is neither copied nor done again.
 */
import type { ForkPoint, RunEvent } from "../../../machines/run-data.ts";
import { inherit } from "../../domain/fork.ts";
import { isDriven, type RunState } from "../../domain/state.ts";
import type { Engine } from "../../engine/engine.ts";
import { beginRun, type Started } from "../../engine/hosting/begin-run.ts";
import { loadRunAt } from "../../engine/reading/history.ts";
import type { Projector } from "../../engine/reading/projector.ts";
import { Draft } from "../../engine/turn/draft.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { checkId } from "../../kernel/ids.ts";
import { canonicalJson, digest } from "../../kernel/json.ts";
import type { RunSummaries } from "../../projections/run-summary.ts";
import { confirmFork } from "../../stores/eraser.ts";
import type { Erasures } from "../../stores/erasures.ts";
import type { Workflow } from "../../workflow/definition.ts";
import { existingRun } from "../existing-run.ts";
import { callOptions, invalidOption, wholeOption } from "../options.ts";
import { applyChanges, type Changes, changesOf } from "./fork-changes.ts";
import { type ForkOptions, forkOptions } from "./fork-options.ts";
import { completionOf, receiptOf } from "./fork-point.ts";
import { refuseIrreversible } from "./irreversible.ts";

/** What forks are made with. */
export interface Forking {
  readonly engine: Engine;
  readonly summaries: Projector<RunSummaries>;
  readonly erasures: Erasures;
  /** The definition that is to be found under a workflow's name here. */
  readonly known: (workflow: string) => Workflow | undefined;
}

/** Somewhere to branch off, and what then to do anew. */
export interface Branch {
  /** The run that is to be otherwise, as it is now; the point may lie in one that it branched off. */
  readonly of: RunState;
  readonly point: ForkPoint;
  readonly options: Omit<ForkOptions, "seq">;
}

/** See `Client.fork`. */
export async function forkRun(
  forking: Forking,
  run: string,
  rawOptions: ForkOptions,
): Promise<Started> {
  const options = callOptions("fork()", rawOptions, forkOptions);
  const of = await existingRun(forking.engine, run);
  const point = await pointOf(forking.engine, of, options);
  return branchOff(forking, { of, point, options });
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
export async function branchOff(forking: Forking, branch: Branch): Promise<Started> {
  const { engine, summaries } = forking;
  const { of, point, options } = branch;
  const origin = await loadRunAt(engine, point.run, point.seq);
  const { id = engine.world.ids(), workflow = forking.known(of.run.context.workflow) } = options;
  const run = checkId("run id", id);
  checkSame(of, workflow);
  await refuseIrreversible(engine, summaries, { origin, point, options });
  const now = engine.world.clock.now();
  const changes = await changesOf(engine, workflow, of, options);
  const draft = new Draft(inherit(origin, run, point.reset), now);
  draft.add([createdFrom(branch, changes, now)]);
  applyChanges(engine, draft, changes);
  const confirm = (fork: string, position: number | undefined): Promise<void> =>
    confirmFork(engine, forking, fork, position);
  return beginRun(engine, draft, { hinted: false, confirm });
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

function createdFrom({ of, point, options }: Branch, changes: Changes, now: number): RunEvent {
  const { context } = of.run;
  const { run, seq, reset } = point;
  const { workflow } = options;
  const { deadline, createdAt, correlation, tick } = context;
  const { input, labels, admission, content } = changes;
  const timeoutMs = workflow?.timeoutMs ?? (deadline === null ? undefined : deadline - createdAt);
  return {
    type: "run.created",
    at: now,
    workflow: context.workflow,
    content: digest(canonicalJson([context.content, run, seq, [...(reset ?? [])], content])),
    input: input ?? context.input,
    plan: workflow?.plan ?? of.plan ?? null,
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(correlation === null ? {} : { correlation }),
    ...(tick === null ? {} : { tick }),
    ...(timeoutMs === undefined ? {} : { deadline: now + timeoutMs }),
    ...(admission === null ? {} : { admission }),
    forkOf: { run, seq, ...(reset === undefined ? {} : { reset }) },
  };
}
