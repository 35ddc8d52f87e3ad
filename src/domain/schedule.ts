/**
 * When a schedule is due, and what it owes: pure, from its state and the time. Ticks are computed, not
 * counted down, so whoever asks late, twice or with a clock that was set back gets the same ones.
 */
import { scheduleMachine } from "../../machines/schedule.ts";
import type {
  ScheduleCommand,
  ScheduleContext,
  ScheduleEvent,
  ScheduleSpec,
} from "../../machines/schedule-data.ts";
import { type Calendar, cronCalendar, timeStamp } from "../kernel/calendar.ts";
import { type Actor, compileMachine } from "./table.ts";

/** `scheduleMachine` as the fold and every decision use it. */
export const scheduleTable = compileMachine<ScheduleContext, ScheduleCommand, ScheduleEvent>(
  scheduleMachine,
);

/** A schedule, as folded. */
export type Schedule = Actor<ScheduleContext>;

/**
 * When the schedule is due.
 * @throws MillraceError `E_OPTION_INVALID`
 */
export const calendarOf = ({
  cron,
  timezone = "UTC",
  everyMs,
  offsetMs,
}: ScheduleSpec): Calendar =>
  cron === undefined ? intervals(everyMs ?? 0, offsetMs ?? 0) : cronCalendar(cron, timezone);

/** Whole multiples of `every` since the epoch, plus `offset`: the same however often it is declared. */
function intervals(every: number, offset: number): Calendar {
  const upTo = (time: number): number => Math.floor((time - offset) / every) * every + offset;
  return {
    next: (after) => upTo(after) + every,
    last: (time, count) => Array.from({ length: count }, (_, nth) => upTo(time) - nth * every),
  };
}

/** The next ticks past `after`, at most `count`. */
export function ticksAfter(spec: ScheduleSpec, after: number, count: number): readonly number[] {
  const calendar = calendarOf(spec);
  const ticks: number[] = [];
  for (let tick = calendar.next(after); tick !== undefined; tick = calendar.next(tick)) {
    if (ticks.length === count) break;
    ticks.push(tick);
  }
  return ticks;
}

/** What has become due. */
export interface Due {
  /** To be done, the oldest first. */
  readonly ticks: readonly number[];
  /** Not made up for; `count` of `COUNTED_MAX` means: at least. */
  readonly missed: { readonly last: number; readonly count: number } | undefined;
}

const COUNTED_MAX = 1_000;

/** The ticks in (since, now], but of those that were missed only what is to be made up for. */
export function dueTicks(spec: ScheduleSpec, since: number, now: number): Due {
  const { withinMs, limit } = spec.catchUp;
  const calendar = calendarOf(spec);
  const newest = calendar.last(now, limit + 1).filter((tick) => tick > since);
  const ticks = newest.slice(0, limit).filter((tick) => tick >= now - withinMs);
  const [last] = newest.slice(ticks.length);
  if (last === undefined) return { ticks: ticks.reverse(), missed: undefined };
  return { ticks: ticks.reverse(), missed: { last, count: countUpTo(calendar, since, last) } };
}

function countUpTo(calendar: Calendar, since: number, last: number): number {
  let count = 0;
  for (let tick = calendar.next(since); tick !== undefined && tick <= last; ) {
    if (++count === COUNTED_MAX) break;
    tick = calendar.next(tick);
  }
  return count;
}

/** The run that a tick starts: the same id however often it is started. */
export function runOfTick(schedule: string, tick: number, order?: string): string {
  return order === undefined
    ? `${schedule}-${timeStamp(tick)}`
    : `${schedule}-${order}-${timeStamp(tick)}`;
}
