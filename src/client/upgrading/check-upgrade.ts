/**
 * What a deploy would do to the runs that are under way, found before it is done: each one's history is folded
 * by this release, and held against the code that is to come. Nothing is written.
 */
import { codeName, isSameVersion } from "../../cluster/versions.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Projector } from "../../engine/reading/projector.ts";
import { isMillraceError, type MillraceError } from "../../kernel/errors.ts";
import { hasEnded, type RunSummaries, type RunSummary } from "../../projections/run-summary.ts";
import { differencesOf, whyNotMoved } from "../../upgrade/check-history.ts";
import { type Folded, foldHistory, type HistoryDifference } from "../../upgrade/folded-history.ts";
import { type RunHistory, runHistory } from "../../upgrade/run-history.ts";
import type { Workflow } from "../../workflow/definition.ts";
import { callOptions } from "../options.ts";

/** Which runs, and who is told how far it is. */
export interface CheckUpgradeOptions {
  /** Only runs of this workflow. @default of all that the code has */
  readonly workflow?: string;
  /** Called for every run that was looked at. */
  readonly onProgress?: (progress: UpgradeProgress) => void;
}

/** How far a check has come, in runs. */
export interface UpgradeProgress {
  readonly checked: number;
  readonly of: number;
}

/** What would become of one run. */
export interface RunUpgrade {
  readonly run: string;
  readonly workflow: string;
  /** The version that it is on, as its author calls it; null: it has no label. */
  readonly version: string | null;
  /** Seq of the event at which it differs; null: of none. */
  readonly seq: number | null;
  /** What differs: "step charge", "the workflow". */
  readonly what: string;
  /** A sentence for people. */
  readonly message: string;
}

/** A run of a version that the new code has not: it waits for a process that has it, or is moved. */
export interface RunLeft extends RunUpgrade {
  /** `migrate` would move it; otherwise `message` says why not. */
  readonly migrates: boolean;
}

/** What a deploy would do; a run that is in neither list goes on. */
export interface UpgradeReport {
  /** Runs that were looked at, and how many of them go on as if nothing had happened. */
  readonly checked: number;
  readonly goesOn: number;
  /** Processes with the new code would take them and could not go on, or end them otherwise. */
  readonly breaks: readonly RunUpgrade[];
  readonly stays: readonly RunLeft[];
}

/** See `Operator.checkUpgrade`. */
export async function checkUpgrade(
  engine: Engine,
  summaries: Projector<RunSummaries>,
  workflows: readonly Workflow[],
  options: CheckUpgradeOptions,
): Promise<UpgradeReport> {
  const given = callOptions("checkUpgrade()", options, ["workflow", "onProgress"]);
  const names = new Set(workflows.map(({ name }) => name));
  const runs = [...(await summaries.current()).values()].filter(
    (one) =>
      !hasEnded(one) &&
      !one.driven &&
      names.has(one.workflow) &&
      one.workflow === (given.workflow ?? one.workflow),
  );
  const breaks: RunUpgrade[] = [];
  const stays: RunLeft[] = [];
  let checked = 0;
  for (const summary of runs) {
    const found = await lookAt(engine, { ...summary }, workflows);
    if (found !== undefined && "migrates" in found) stays.push(found);
    else if (found !== undefined) breaks.push(found);
    checked++;
    given.onProgress?.({ checked, of: runs.length });
  }
  return { checked, goesOn: checked - breaks.length - stays.length, breaks, stays };
}

/** Undefined: it goes on. */
async function lookAt(
  engine: Engine,
  summary: RunSummary,
  workflows: readonly Workflow[],
): Promise<RunUpgrade | RunLeft | undefined> {
  const versions = workflows.filter(({ name }) => name === summary.workflow);
  const [newest] = versions;
  // Whoever claims it first says what its plan is.
  if (summary.version === null) return undefined;
  try {
    const history = await runHistory(engine, summary.run);
    // It was erased meanwhile.
    if (history.events.length === 0) return undefined;
    const folded = await foldHistory(history.events, await history.ground());
    const { plan } = folded.state;
    // It has ended since the list was made.
    if (folded.state.run.context.endedAt !== null || plan === undefined || newest === undefined) {
      return undefined;
    }
    const own = versions.find((one) => isSameVersion(one.plan, plan));
    if (own === undefined) return await leftBehind(engine, summary, newest, { history, folded });
    const { blobs } = engine.store;
    const differences = await differencesOf(own, folded, { blobs });
    const first = differences.find(({ breaks }) => breaks);
    return first && told(summary, first);
  } catch (error) {
    if (isMillraceError(error, "E_LOG_CORRUPT") || isMillraceError(error, "E_FRAME_INVALID")) {
      return told(summary, damageOf(error));
    }
    throw error;
  }
}

async function leftBehind(
  engine: Engine,
  summary: RunSummary,
  newest: Workflow,
  { history, folded }: { readonly history: RunHistory; readonly folded: Folded },
): Promise<RunLeft> {
  const { blobs } = engine.store;
  const [first] = await whyNotMoved(newest, folded, history.ground, { blobs });
  const own = codeName(summary.workflow, summary.version ?? { version: "none" });
  const to = codeName(newest.name, newest.plan);
  const why =
    first === undefined ? `it can be moved to ${to}` : `not movable to ${to}: ${first.message}`;
  const message = `only a process that has ${own} goes on with it; ${why}`;
  const at = first ?? { what: "the workflow", seq: undefined };
  return { ...told(summary, { ...at, message }), migrates: first === undefined };
}

type Told = Pick<HistoryDifference, "what" | "seq" | "message">;

const told = (
  { run, workflow, version }: RunSummary,
  { what, seq, message }: Told,
): RunUpgrade => ({
  run,
  workflow,
  version: version?.label ?? null,
  seq: seq ?? null,
  what,
  message,
});

/** This release does not take what an earlier one has recorded. */
function damageOf({ message, details }: MillraceError): Told {
  const { seq } = details as { readonly seq?: number };
  return { what: "the log", seq: seq === undefined ? undefined : seq + 1, message };
}
