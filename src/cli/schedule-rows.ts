/** Schedules in words: one line each, or everything about one. */
import type { ScheduleView } from "../client/schedules/schedule-view.ts";
import { type Cell, duration, header, jsonText, moment } from "./render.ts";

const HEADER = header("SCHEDULE", "WORKFLOW", "WHEN", "OVERLAP", "NEXT", "LAST");

/** The rows of a table. */
export const scheduleRows = (schedules: readonly ScheduleView[]): readonly (readonly Cell[])[] => [
  HEADER,
  ...schedules.map((one) => [
    one.id,
    one.workflow,
    whenText(one),
    one.overlap,
    nextCell(one),
    lastText(one),
  ]),
];

/** When it is due: "0 3 * * * (Europe/Vienna)", "every 15m00s". */
function whenText({ cron, timeZone, everyMs, offsetMs }: ScheduleView): string {
  if (cron !== null) return `${cron} (${timeZone})`;
  const offset = offsetMs === null ? "" : ` and ${duration(offsetMs)}`;
  return `every ${duration(everyMs ?? 0)}${offset}`;
}

function nextCell({ paused, next: [next] }: ScheduleView): Cell {
  if (paused !== null) return { text: "paused", style: "yellow" };
  return next === undefined ? { text: "never again", style: "dim" } : moment(next);
}

const lastText = ({ recent }: ScheduleView): string => {
  const last = recent.at(-1);
  return last === undefined ? "" : tickText(last);
};

const tickText = ({ tick, run, reason, count }: ScheduleView["recent"][number]): string => {
  const what = run ?? `none: ${reason}${count === 1 ? "" : ` (${count} ticks)`}`;
  return `${moment(tick)}  ${what}`;
};

/** Everything about one, as names and values. */
export function scheduleFacts(view: ScheduleView): readonly (readonly [string, string])[] {
  const { catchUp, jitterMs, startAt, endAt, paused, labels } = view;
  const within = `of the ticks missed, ${catchUp.limit} of the newest within ${duration(catchUp.withinMs)}`;
  const some = (name: string, ...values: readonly string[]): (readonly [string, string])[] =>
    values.map((value, nth) => [nth === 0 ? name : "", value]);
  return [
    ["schedule", view.id],
    ["starts", `${view.workflow} ${jsonText(view.input)}`],
    ["when", whenText(view)],
    ...(startAt === null ? [] : some("from", moment(startAt))),
    ...(endAt === null ? [] : some("until", moment(endAt))),
    ["overlap", view.overlap],
    ["catch-up", within],
    ...(jitterMs === 0 ? [] : some("jitter", `up to ${duration(jitterMs)}`)),
    ...some("label", ...Object.entries(labels).map(([name, value]) => `${name}=${value}`)),
    ...(paused === null
      ? some("next", ...view.next.map(moment))
      : some("paused", `by ${paused.by} since ${moment(paused.at)}: ${paused.reason}`)),
    ...some("order", ...view.orders),
    ...some("open", ...view.open.map(({ run }) => run)),
    ["ticks", `${view.started} with a run, ${view.skipped} without`],
    ...some("last", ...view.recent.map(tickText).reverse()),
  ];
}
