/** What a fork would do again that cannot be taken back: what its origin did, and other forks of it. */
import type { ForkPoint } from "../../../machines/run-data.ts";
import { itemOf } from "../../domain/plan.ts";
import { type RunState, stepTable } from "../../domain/state.ts";
import type { Engine } from "../../engine/engine.ts";
import { firstFrame, forkPointOf, loadRun } from "../../engine/reading/history.ts";
import type { Projector } from "../../engine/reading/projector.ts";
import { mayHold, openFrame } from "../../events/frame.ts";
import { MillraceError } from "../../kernel/errors.ts";
import type { RunSummaries } from "../../projections/run-summary.ts";
import { invalidOption } from "../options.ts";

/** Where a fork is to branch off, and what is said about it. */
export interface Irreversible {
  /** The run to branch off, as it was at that point. */
  readonly origin: RunState;
  readonly point: ForkPoint;
  readonly options: {
    readonly allowIrreversible?: boolean;
    readonly results?: Readonly<Record<string, unknown>>;
  };
}

/**
 * @throws MillraceError `E_IRREVERSIBLE` when such steps have begun, there or in another fork, that are not done at
 * that point, or are to be done anew; `E_OPTION_INVALID` when `allowIrreversible` is neither true nor false
 */
export async function refuseIrreversible(
  engine: Engine,
  summaries: Projector<RunSummaries>,
  { origin, point, options }: Irreversible,
): Promise<void> {
  const { allowIrreversible = false, results = {} } = options;
  if (typeof allowIrreversible !== "boolean") {
    throw invalidOption("allowIrreversible", "must be true or false itself");
  }
  if (allowIrreversible) return;
  const begun = new Set<string>();
  for (const run of await familyOf(engine, await summaries.current(), point)) {
    for (const step of await begunIn(engine, run)) begun.add(step);
  }
  const isDone = (step: string): boolean =>
    stepTable.finals.has(origin.steps.get(step)?.state ?? "waiting") &&
    !point.reset?.includes(step);
  const steps = [...begun].filter((step) => !isDone(step) && !Object.hasOwn(results, step));
  if (steps.length === 0) return;
  throw new MillraceError(
    "E_IRREVERSIBLE",
    `the fork would do ${steps.join(", ")} again, which cannot be taken back; branch off behind it, give its result, or allow it (allowIrreversible: true)`,
    { details: { run: point.run, steps } },
  );
}

/** The runs that a fork there goes back to, and all that branched off any of them. */
async function familyOf(
  engine: Engine,
  view: RunSummaries,
  point: ForkPoint,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (let at: ForkPoint | undefined = point; at !== undefined; ) {
    found.add(at.run);
    const first = await firstFrame(engine, at.run);
    at = first && forkPointOf(first.opened.frame);
  }
  for (let before = 0; before < found.size; ) {
    before = found.size;
    for (const { run, forkOf } of view.values()) {
      if (forkOf !== null && found.has(forkOf.run)) found.add(run);
    }
  }
  return found;
}

/** Irreversible steps of which the run itself began an attempt. */
async function begunIn(engine: Engine, run: string): Promise<ReadonlySet<string>> {
  const { graph } = await loadRun(engine, run);
  const declared = new Set<string>();
  const found = new Set<string>();
  for await (const { bytes } of engine.store.log.read({ run })) {
    if (!mayHold(bytes, BEGINNINGS)) continue;
    for (const event of openFrame(run, bytes, engine.codecs).frame.events) {
      if (event.type === "step.scheduled" && event.irreversible) declared.add(event.step);
      if (event.type !== "step.started") continue;
      const step = itemOf(event.step)?.step ?? event.step;
      const isFinal = declared.has(step) || graph?.steps.get(step)?.policy.irreversible === true;
      if (isFinal) found.add(step);
    }
  }
  return found;
}

const BEGINNINGS = ["step.scheduled", "step.started"] as const;
