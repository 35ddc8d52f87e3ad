/**
 * What a schedule does next by itself: takes or skips the ticks that are due, and owes the runs of those
 * that it has taken. Pure: a tick is recorded first, and what is owed then follows from the record, so
 * whoever comes after a crash goes on with the same runs.
 */
import {
  OPEN_RUNS_MAX,
  type OpenRun,
  type Overlap,
  type ScheduleCommand,
  type ScheduleContext,
  type ScheduleSpec,
} from "../../machines/schedule-data.ts";
import { calendarOf, dueTicks, runOfOrder, runOfTick } from "./schedule.ts";

/** What is known of a run that a schedule has decided to start. */
export type OpenStatus = "missing" | "open" | "stopping" | "ended";

/** Tells what has become of a run. */
export type StatusOf = (run: string) => OpenStatus;

/** What has to be done outside the schedule's own log. */
export interface Owed {
  /** Runs that do not exist yet. */
  readonly begin: readonly OpenRun[];
  /** Runs that are in the way of the newest one. */
  readonly cancel: readonly string[];
}

/** What a schedule owes for the ticks that it has taken. */
export function owedBy({ open }: Pick<ScheduleContext, "open">, statusOf: StatusOf): Owed {
  const begin = open.filter(({ run }) => statusOf(run) === "missing");
  const last = open.findLastIndex(({ overlap }) => overlap === "cancel-other");
  const before = open.slice(0, Math.max(0, last));
  return {
    begin,
    cancel: before.flatMap(({ run }) => (statusOf(run) === "open" ? [run] : [])),
  };
}

/**
 * The commands that follow by themselves, each to be taken before the next is asked for; none as long as
 * something is owed for earlier ones. At most so many that all runs are remembered, and a frame holds them.
 * @param refusal why no run can be started at all; undefined: it can
 */
export function* dueCommands(
  context: ScheduleContext,
  now: number,
  statusOf: StatusOf,
  refusal: string | undefined,
): Generator<ScheduleCommand> {
  const { spec } = context;
  if (spec === null || owedBy(context, statusOf).begin.length > 0) return;
  let left = OPEN_RUNS_MAX;
  for (const task of tasks(context, spec, now)) {
    if (left-- === 0) return;
    if (task.type !== "tick") yield task;
    else yield startOrSkip(context, task, now, statusOf, refusal);
  }
}

/** A tick whose time has come. */
interface Task {
  readonly type: "tick";
  readonly tick: number;
  readonly run: string;
  readonly overlap: Overlap;
  readonly order?: string;
}

function* tasks(
  context: ScheduleContext,
  spec: ScheduleSpec,
  now: number,
): Generator<Task | Exclude<ScheduleCommand, { type: "cmd.tick" }>> {
  const { name } = context;
  for (const { order, at, overlap = spec.overlap, backfill } of context.orders) {
    const task = { type: "tick", order, overlap } as const;
    if (backfill === undefined) yield { ...task, tick: at, run: runOfOrder(name, order) };
    else {
      const calendar = calendarOf(spec);
      for (let tick = calendar.next(backfill.done); tick !== undefined && tick <= backfill.to; ) {
        yield { ...task, tick, run: runOfOrder(name, order, tick) };
        tick = calendar.next(tick);
      }
      yield { type: "cmd.serve", now, order };
    }
  }
  if (context.paused !== null) return;
  const { ticks, missed } = dueTicks(spec, context.since, now);
  if (missed !== undefined) {
    const { last: tick, count } = missed;
    yield { type: "cmd.skip", now, tick, count, reason: "nobody was there to start it in time" };
  }
  for (const tick of ticks) {
    yield { type: "tick", tick, run: runOfTick(name, tick), overlap: spec.overlap };
  }
}

function startOrSkip(
  { open }: ScheduleContext,
  { tick, run, overlap, order }: Task,
  now: number,
  statusOf: StatusOf,
  refusal: string | undefined,
): ScheduleCommand {
  const over = open.filter((one) => statusOf(one.run) === "ended").map((one) => one.run);
  const more = {
    ...(order === undefined ? {} : { order }),
    ...(over.length === 0 ? {} : { ended: over }),
  };
  const reason = refusal ?? objection(overlap, open.length - over.length);
  if (reason !== undefined) return { type: "cmd.skip", now, tick, count: 1, reason, ...more };
  return { type: "cmd.tick", now, tick, started: run, overlap, ...more };
}

/** Why no run is started while so many others have not ended. */
function objection(overlap: Overlap, open: number): string | undefined {
  if (overlap === "skip" && open > 0) return "an earlier run has not ended";
  if (overlap === "buffer-one" && open > 1) return "another one waits already";
  return undefined;
}
