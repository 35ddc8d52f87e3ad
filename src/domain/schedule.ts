/**
 * When a schedule is due: pure, from its state and the time. Ticks are computed, not counted down, so
 * whoever asks late, twice or with a clock that was set back gets the same ones.
 */
import { scheduleMachine } from "../../machines/schedule.ts";
import type {
  ScheduleCommand,
  ScheduleContext,
  ScheduleEvent,
  ScheduleSpec,
} from "../../machines/schedule-data.ts";
import { type Calendar, cronCalendar, timeStamp } from "../kernel/calendar.ts";
import { digest } from "../kernel/json.ts";
import { type Actor, compileMachine } from "./table.ts";

/** Stands in the log where a run's workflow does; nobody's workflow can be called that. */
export const SCHEDULE_WORKFLOW = "millrace-schedule";

/** `scheduleMachine` as the fold and every decision use it. */
export const scheduleTable = compileMachine<ScheduleContext, ScheduleCommand, ScheduleEvent>(
  scheduleMachine,
);

/** A schedule, as folded. */
export type Schedule = Actor<ScheduleContext>;

/** What says when a schedule is due. */
export type Times = Pick<
  ScheduleSpec,
  "cron" | "timeZone" | "everyMs" | "offsetMs" | "startAt" | "endAt"
>;

/**
 * When the schedule is due.
 * @throws MillraceError `E_OPTION_INVALID`
 */
export function calendarOf(times: Times): Calendar {
  const { cron, timeZone = "UTC", everyMs = 0, offsetMs = 0 } = times;
  const { startAt = Number.NEGATIVE_INFINITY, endAt = Number.POSITIVE_INFINITY } = times;
  const all = cron === undefined ? intervals(everyMs, offsetMs) : cronCalendar(cron, timeZone);
  const inside = (tick: number | undefined): number | undefined =>
    tick === undefined || tick < startAt || tick > endAt ? undefined : tick;
  return {
    next: (after) => inside(all.next(Math.max(after, startAt - 1))),
    last: (upTo) => inside(all.last(Math.min(upTo, endAt))),
  };
}

/** Whole multiples of `every` since the epoch, plus `offset`: the same however often it is declared. */
function intervals(every: number, offset: number): Calendar {
  const last = (upTo: number): number => Math.floor((upTo - offset) / every) * every + offset;
  return { next: (after) => last(after) + every, last };
}

/** The ticks past `after` up to `upTo`, at most `count`, the oldest first. */
export function ticksBetween(
  calendar: Calendar,
  after: number,
  upTo: number,
  count: number,
): readonly number[] {
  const ticks: number[] = [];
  for (let tick = calendar.next(after); tick !== undefined && tick <= upTo; ) {
    if (ticks.length === count) break;
    ticks.push(tick);
    tick = calendar.next(tick);
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

/** A tick that is no older than this (ms) is not missed, only late: a lease may have to run out first. */
export const LATE_MS = 30_000;
const COUNTED_MAX = 1_000;

/** The ticks in (since, now], but of those that were missed only what is to be made up for. */
export function dueTicks(spec: ScheduleSpec, since: number, now: number): Due {
  const { withinMs, limit } = spec.catchUp;
  const calendar = calendarOf(spec);
  const ticks: number[] = [];
  let made = 0;
  let tick = calendar.last(now);
  for (; tick !== undefined && tick > since; tick = calendar.last(tick - 1)) {
    const isLate = tick >= now - LATE_MS;
    if (!isLate && (made >= limit || tick < now - withinMs)) break;
    if (!isLate) made++;
    ticks.push(tick);
  }
  ticks.reverse();
  if (tick === undefined || tick <= since) return { ticks, missed: undefined };
  const { length: count } = ticksBetween(calendar, since, tick, COUNTED_MAX);
  return { ticks, missed: { last: tick, count } };
}

/** When somebody must look at the schedule next; undefined: not before it is told something. */
export function dueAt(context: ScheduleContext, now: number): number | undefined {
  const { spec, paused, orders, since } = context;
  if (spec === null) return undefined;
  if (orders.length > 0) return now;
  return paused === null ? calendarOf(spec).next(since) : undefined;
}

/** Stands between the parts of a run's id, and in none of them: no two ticks come to the same id. */
export const ID_SEPARATOR = "--";
const STAMP = /^\d{8}T\d{9}Z$/;

/** The run that a tick starts: the same id however often it is started. */
export const runOfTick = (schedule: string, tick: number): string =>
  [schedule, timeStamp(tick)].join(ID_SEPARATOR);

/** The run of an order; with a tick, that of a backfill. */
export const runOfOrder = (schedule: string, order: string, tick?: number): string =>
  [schedule, order, ...(tick === undefined ? [] : [timeStamp(tick)])].join(ID_SEPARATOR);

/** Whether it can be a part of a run's id, and is not mistaken for a tick there. */
export const isIdPart = (text: string): boolean =>
  !text.includes(ID_SEPARATOR) && !STAMP.test(text);

/** By how much a run begins later than its tick: spread evenly, and the same however often it is asked. */
export function jitterOf(run: string, jitterMs: number): number {
  const random = Buffer.from(digest(run), "base64url").readUInt32BE(0) / 2 ** 32;
  return Math.floor(random * (jitterMs + 1));
}
