/**
 * One line per run: for lists, and for the sweep that looks for runs which nobody holds. It follows
 * the chain of sums, so a run whose log is damaged shows as quarantined.
 */
import type { Failure } from "../../machines/values.ts";
import { NO_PREVIOUS } from "../events/frame.ts";
import type { MillraceEvent } from "../events/vocabulary.ts";
import type { FoldedFrame, Projection } from "./projection.ts";

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
  "quarantined",
];

/** One line about one run. */
export interface RunSummary {
  readonly run: string;
  readonly workflow: string;
  status: RunStatus;
  labels: Readonly<Record<string, string>>;
  createdAt: number;
  updatedAt: number;
  endedAt: number | null;
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
  paused: boolean;
  /** Driven by hand: nobody hosts it. */
  driven: boolean;
  /** Last inbox position taken. */
  inbox: number;
  /** Steps and items whose attempt is running. */
  active: string[];
  steps: { completed: number; failed: number; running: number; retries: number };
  error: Failure | null;
}

/** The lines of all runs, by run id. */
export type RunSummaries = Map<string, RunSummary>;

const ENDED: ReadonlySet<RunStatus> = new Set(["completed", "failed", "cancelled", "quarantined"]);

/** True when nothing more will happen to the run by itself. */
export const hasEnded = (summary: RunSummary): boolean => ENDED.has(summary.status);

/** The status as people see it. */
export const shownStatus = ({
  paused,
  status,
}: Pick<RunSummary, "paused" | "status">): RunStatus =>
  paused && (status === "running" || status === "parked") ? "paused" : status;

const fresh = (run: string, workflow: string): RunSummary => ({
  run,
  workflow,
  status: "pending",
  labels: {},
  createdAt: 0,
  updatedAt: 0,
  endedAt: null,
  seq: 0,
  position: 0,
  sum: NO_PREVIOUS,
  node: null,
  lease: null,
  epoch: 0,
  parkedReason: null,
  parkedUntil: null,
  paused: false,
  driven: false,
  inbox: 0,
  active: [],
  steps: { completed: 0, failed: 0, running: 0, retries: 0 },
  error: null,
});

/** The projection behind lists and the sweep. */
export const runSummary: Projection<RunSummaries> = {
  name: "run-summary",
  version: 3,
  initial: () => new Map(),
  forget: (view, run) => void view.delete(run),
  save: (view) => [...view.values()],
  restore: (saved) => new Map((saved as RunSummary[]).map((summary) => [summary.run, summary])),
  apply(view, { place, opened }: FoldedFrame) {
    const summary = view.get(place.run) ?? fresh(place.run, place.workflow);
    view.set(place.run, summary);
    summary.position = place.position;
    if (summary.status === "quarantined") return;
    const damage = "damaged" in opened ? opened.damaged : chainDamage(summary, opened);
    if (damage !== undefined || "damaged" in opened) {
      summary.status = "quarantined";
      summary.error = { code: "E_LOG_CORRUPT", message: damage ?? "damaged" };
      return;
    }
    const { frame } = opened;
    for (const event of frame.events) applyEvent(summary, event);
    summary.seq += frame.events.length;
    summary.sum = opened.sum;
    summary.inbox = frame.inbox;
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
      summary.driven = (event.plan as { declares?: unknown }).declares !== undefined;
      break;
    case "run.claimed":
      if (summary.status === "pending" || summary.status === "parked") summary.status = "running";
      summary.node = event.node;
      summary.lease = event.lease;
      summary.epoch = event.epoch;
      break;
    case "run.parked":
      summary.status = "parked";
      summary.parkedReason = event.reason;
      summary.parkedUntil = event.until;
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
      summary.status = event.type.slice("run.".length) as RunStatus;
      summary.endedAt = event.at;
      if (event.type === "run.failed") summary.error = event.error;
      letGo(summary);
      break;
    default:
      applyStep(summary, event);
  }
}

function letGo(summary: RunSummary): void {
  summary.node = null;
  summary.lease = null;
}

function applyStep({ steps, active }: RunSummary, event: MillraceEvent): void {
  if (!("step" in event) || event.step === undefined) return;
  const at = active.indexOf(event.step);
  if (event.type === "step.started") active.push(event.step);
  else if (at >= 0 && ATTEMPT_ENDS.has(event.type)) active.splice(at, 1);
  if (event.type === "step.completed") steps.completed++;
  if (event.type === "step.failed") steps.failed++;
  if (event.type === "step.retrying") steps.retries++;
  steps.running = active.length;
}

const ATTEMPT_ENDS: ReadonlySet<string> = new Set([
  "step.completed",
  "step.retrying",
  "step.failed",
  "step.cancelled",
]);
