/**
 * One line per run: for lists, and for the sweep that looks for runs which nobody holds. It follows
 * the chain of sums, so a run whose log is damaged shows as quarantined.
 */
import type { ForkPoint } from "../../machines/run-data.ts";
import type { Failure } from "../../machines/values.ts";
import type { Version } from "../cluster/versions.ts";
import { NO_PREVIOUS } from "../events/frame.ts";
import type { MillraceEvent } from "../events/vocabulary.ts";
import { isRecordId } from "../kernel/ids.ts";
import type { FoldedFrame, Projection } from "./projection.ts";
import { applyFamily, noFamily, type RunFamily } from "./run-family.ts";
import { applyStep, type StepSummary } from "./step-summary.ts";

/** What a run is at, as lists show it. */
export type RunStatus =
  | "pending"
  | "running"
  | "parked"
  /** Somebody has paused it; shown instead of running or parked. */
  | "paused"
  | "cancelling"
  /** What its steps did is being undone. */
  | "compensating"
  | "completed"
  | "failed"
  | "cancelled"
  /** It was ended at once, and nothing was undone. */
  | "terminated"
  /** Another run goes on where it ended. */
  | "continued"
  /** Its log is damaged; nothing of it runs. */
  | "quarantined";

/** Every status, in the order of a run's life. */
export const runStatuses: readonly RunStatus[] = [
  "pending",
  "running",
  "parked",
  "paused",
  "cancelling",
  "compensating",
  "completed",
  "failed",
  "cancelled",
  "terminated",
  "continued",
  "quarantined",
];

/** One line about one run. */
export interface RunSummary extends RunFamily, StepSummary {
  readonly run: string;
  readonly workflow: string;
  status: RunStatus;
  labels: Readonly<Record<string, string>>;
  /** The run that it branched off, and behind which of its events; null: none. */
  forkOf: { readonly run: string; readonly seq: number } | null;
  createdAt: number;
  updatedAt: number;
  endedAt: number | null;
  /** Position of its first frame. */
  born: number;
  /** `seq` of the last event, and the position and sum of its frame. */
  seq: number;
  position: number;
  sum: string;
  /** Who hosts it, by which lease; null when nobody does. */
  node: string | null;
  lease: string | null;
  epoch: number;
  parkedReason: string | null;
  parkedUntil: number | null;
  /** Why it could not be gone on with, when it was last tried. */
  parkedError: Failure | null;
  /** Which version of its workflow it is on; null: whoever claims it first decides. */
  version: Version | null;
  paused: boolean;
  /** Signals sent to this key reach it. */
  correlation: string | null;
  /** It does not begin before this, and before its gate lets it in; whether it has. */
  notBefore: number | null;
  gate: string | null;
  admitted: boolean;
  /** Driven by hand: nobody hosts it. */
  driven: boolean;
  /** The rest of it is yet to be imported: nobody hosts it before. */
  partial: boolean;
  /** Last inbox position taken. */
  inbox: number;
  error: Failure | null;
}

/** The lines of all runs, by run id. */
export type RunSummaries = Map<string, RunSummary>;

/** Those that nothing follows by itself: the last ones. */
const ENDED: ReadonlySet<RunStatus> = new Set(runStatuses.slice(runStatuses.indexOf("completed")));

/** True when nothing more will happen to the run by itself. */
export const hasEnded = (summary: RunSummary): boolean => ENDED.has(summary.status);

/** Whether anybody hosts the run, or will. */
export const isHostable = (summary: RunSummary): boolean =>
  !hasEnded(summary) && !summary.driven && !summary.partial;

/** Whether a later run of the chain lives that the run is a part of. */
export function livesOn(view: RunSummaries, { next }: RunSummary): boolean {
  for (let at = next; at !== null; ) {
    const later = view.get(at);
    if (later === undefined) return false;
    if (!hasEnded(later)) return true;
    at = later.next;
  }
  return false;
}

/** The status as people see it. */
export function shownStatus({
  paused,
  partial,
  status,
}: Pick<RunSummary, "paused" | "partial" | "status">): RunStatus {
  if (partial && !ENDED.has(status)) return "parked";
  return paused && (status === "running" || status === "parked") ? "paused" : status;
}

/** True for a run that was not let in yet: by its time, or by its gate. */
export const awaitsAdmission = ({ notBefore, gate, admitted, status }: RunSummary): boolean =>
  (notBefore !== null || gate !== null) && !admitted && HELD_BACK.has(status);

/** True for a run that nobody who was up had the code of. */
export const awaitsCode = ({ parkedError }: RunSummary): boolean =>
  parkedError?.code === "E_VERSION_UNKNOWN";

const HELD_BACK: ReadonlySet<RunStatus> = new Set(["pending", "running", "parked"]);

/** The line of a run of which nothing is known yet. */
export const emptySummary = (run: string, workflow: string): RunSummary => ({
  run,
  workflow,
  status: "pending",
  labels: {},
  forkOf: null,
  ...noFamily(),
  createdAt: 0,
  updatedAt: 0,
  endedAt: null,
  born: 0,
  seq: 0,
  position: 0,
  sum: NO_PREVIOUS,
  node: null,
  lease: null,
  epoch: 0,
  parkedReason: null,
  parkedUntil: null,
  parkedError: null,
  version: null,
  paused: false,
  correlation: null,
  notBefore: null,
  gate: null,
  admitted: false,
  driven: false,
  partial: false,
  inbox: 0,
  active: [],
  held: [],
  steps: { completed: 0, failed: 0, running: 0, retries: 0 },
  failedStep: null,
  error: null,
});

/** The projection behind lists and the sweep. */
export const runSummary: Projection<RunSummaries> = {
  name: "run-summary",
  version: 10,
  initial: () => new Map(),
  forget: (view, run) => void view.delete(run),
  // The order of the log where it has one; the same for everyone where it has none.
  save: (view) => [...view.values()].sort((one, other) => one.born - other.born),
  restore: (saved) => new Map((saved as RunSummary[]).map((summary) => [summary.run, summary])),
  apply(view, { place, opened }: FoldedFrame) {
    if (isRecordId(place.run)) return;
    const summary = view.get(place.run) ?? emptySummary(place.run, place.workflow);
    view.set(place.run, summary);
    if (summary.position === 0) summary.born = place.position;
    summary.position = place.position;
    if (summary.status === "quarantined") return;
    const damage = "damaged" in opened ? opened.damaged : chainDamage(summary, opened);
    if (damage !== undefined || "damaged" in opened) {
      summary.status = "quarantined";
      summary.error = { code: "E_LOG_CORRUPT", message: damage ?? "damaged" };
      return;
    }
    const { frame } = opened;
    for (const event of frame.events) {
      applyEvent(summary, event);
      applyFamily(summary, event);
    }
    summary.seq += frame.events.length;
    summary.sum = opened.sum;
    summary.inbox = frame.inbox;
    summary.partial = frame.more === true;
    summary.updatedAt = frame.at;
  },
};

function chainDamage(
  summary: RunSummary,
  opened: { prev: string; frame: { seq: number } },
): string | undefined {
  if (opened.prev === summary.sum && opened.frame.seq === summary.seq + 1) return undefined;
  return `a frame does not follow event ${summary.seq}`;
}

function applyEvent(summary: RunSummary, event: MillraceEvent): void {
  switch (event.type) {
    case "run.created":
      summary.createdAt = event.at;
      summary.labels = event.labels ?? {};
      summary.correlation = event.correlation ?? null;
      summary.notBefore = event.notBefore ?? null;
      summary.gate = event.admission?.gate ?? null;
      summary.forkOf = placeOf(event.forkOf);
      summary.version = versionOf(event.plan);
      summary.driven = (event.plan as { declares?: unknown } | null)?.declares !== undefined;
      break;
    case "run.planned":
      summary.gate = event.admission?.gate ?? summary.gate;
      summary.version = versionOf(event.plan);
      break;
    case "run.migrated":
      summary.version = versionOf(event.plan);
      break;
    case "run.gathered":
      summary.notBefore = event.notBefore;
      break;
    case "run.admitted":
      summary.admitted = true;
      break;
    case "run.claimed":
      if (summary.status === "pending" || summary.status === "parked") summary.status = "running";
      summary.node = event.node;
      summary.lease = event.lease;
      summary.epoch = event.epoch;
      summary.parkedReason = null;
      summary.parkedUntil = null;
      summary.parkedError = null;
      break;
    case "run.parked":
      if (summary.status === "running") summary.status = "parked";
      summary.parkedReason = event.reason;
      summary.parkedUntil = event.until;
      summary.parkedError = event.error ?? null;
      letGo(summary);
      break;
    case "run.paused":
    case "run.resumed":
      summary.paused = event.type === "run.paused";
      break;
    case "run.cancelling":
    case "run.compensating":
      summary.status = event.type.slice("run.".length) as RunStatus;
      break;
    case "run.completed":
    case "run.failed":
    case "run.cancelled":
    case "run.terminated":
    case "run.continued":
      summary.status = event.type.slice("run.".length) as RunStatus;
      summary.endedAt = event.at;
      if (event.type === "run.failed") summary.error = event.error;
      letGo(summary);
      break;
    default:
      applyStep(summary, event);
  }
}

const placeOf = (fork: ForkPoint | undefined): RunSummary["forkOf"] =>
  fork === undefined ? null : { run: fork.run, seq: fork.seq };

function versionOf(plan: unknown): Version | null {
  const { version, label } = (plan ?? {}) as Partial<Version>;
  if (version === undefined) return null;
  return { version, ...(label === undefined ? {} : { label }) };
}

function letGo(summary: RunSummary): void {
  summary.node = null;
  summary.lease = null;
}
