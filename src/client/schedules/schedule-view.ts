/** A schedule as programs and people look at it. */
import type {
  OpenRun,
  Overlap,
  ScheduleContext,
  ScheduleSpec,
  TickRecord,
} from "../../../machines/schedule-data.ts";
import { calendarOf, ticksBetween } from "../../domain/schedule.ts";

/** What a schedule is, what it has done, and what it will do. Times are ms since the epoch. */
export interface ScheduleView {
  readonly id: string;
  readonly workflow: string;
  /** Null: none. */
  readonly input: unknown;
  readonly cron: string | null;
  readonly timeZone: string | null;
  readonly everyMs: number | null;
  readonly offsetMs: number | null;
  readonly startAt: number | null;
  readonly endAt: number | null;
  readonly overlap: Overlap;
  readonly catchUp: ScheduleSpec["catchUp"];
  readonly jitterMs: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Who has paused it, when and why; null: it is not paused. */
  readonly paused: { readonly by: string; readonly at: number; readonly reason: string } | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** The next times at which it is due; none while it is paused. */
  readonly next: readonly number[];
  /** Its runs that have not ended, the newest last; at most 100. */
  readonly open: readonly OpenRun[];
  /** What it was told to do beside its ticks and has not done yet. */
  readonly orders: readonly string[];
  /** What became of its last ticks (up to 20), the newest last. */
  readonly recent: readonly TickRecord[];
  /** How many ticks had a run, and how many had none. */
  readonly started: number;
  readonly skipped: number;
}

/** How many of the next times a view names. */
const NEXT_SHOWN = 5;

/** A copy, which its reader may change. @param hasEnded whether a run of it is over */
export function scheduleView(
  context: ScheduleContext,
  spec: ScheduleSpec,
  now: number,
  hasEnded: (run: string) => boolean,
): ScheduleView {
  const { cron, timeZone, everyMs, offsetMs, startAt, endAt, input } = spec;
  const { paused, createdAt, updatedAt, orders, recent, started, skipped } = context;
  const after = Math.max(now, context.since);
  return structuredClone({
    id: context.name,
    workflow: spec.workflow,
    input: input !== undefined && "json" in input ? input.json : null,
    cron: cron ?? null,
    timeZone: timeZone ?? null,
    everyMs: everyMs ?? null,
    offsetMs: offsetMs ?? null,
    startAt: startAt ?? null,
    endAt: endAt ?? null,
    overlap: spec.overlap,
    catchUp: spec.catchUp,
    jitterMs: spec.jitterMs,
    labels: spec.labels,
    paused,
    createdAt,
    updatedAt,
    next:
      paused === null
        ? ticksBetween(calendarOf(spec), after, Number.POSITIVE_INFINITY, NEXT_SHOWN)
        : [],
    open: context.open.filter(({ run }) => !hasEnded(run)),
    orders: orders.map(({ order }) => order),
    recent: [...recent],
    started,
    skipped,
  });
}
