/** What happens to records beside runs (gates and schedules) in words, for people. */
import type { Limit } from "../../machines/gate-data.ts";
import type { ScheduleSpec } from "../../machines/schedule-data.ts";
import type { MillraceEvent, RecordEvent } from "../events/vocabulary.ts";
import { duration, moment } from "./render.ts";

/** Whether the event is one of a record, not of a run. */
export const isRecordEvent = (event: MillraceEvent): event is RecordEvent =>
  /^(?:ledger|gate|schedule)\./.test(event.type);

/** What the event is about; "" for the record as a whole. */
export function recordSubject(event: RecordEvent): string {
  switch (event.type) {
    case "ledger.opened":
      return event.name;
    case "gate.asked":
    case "gate.admitted":
    case "gate.released":
      return event.holder;
    case "gate.gathered":
      return event.into;
    case "schedule.ticked":
      return event.started;
    case "schedule.triggered":
    case "schedule.backfilled":
    case "schedule.served":
      return event.order;
    default:
      return "";
  }
}

/** What the event says beyond its type and subject, on one line. */
export function recordDetail(event: RecordEvent): string {
  switch (event.type) {
    case "ledger.opened":
      return `generation ${event.generation}`;
    case "gate.asked":
      return `${limitsText(event.limits)}, priority ${event.priority}`;
    case "gate.gathered":
      return event.key;
    case "schedule.declared":
      return `by ${event.by}: ${event.spec.workflow} ${whenText(event.spec)}`;
    case "schedule.paused":
      return `by ${event.by}: ${event.reason}`;
    case "schedule.resumed":
    case "schedule.triggered":
    case "schedule.deleted":
      return `by ${event.by}`;
    case "schedule.backfilled":
      return `by ${event.by}: ${moment(event.from)} to ${moment(event.to)}`;
    case "schedule.ticked":
      return moment(event.tick);
    case "schedule.skipped":
      return `${event.count} up to ${moment(event.tick)}: ${event.reason}`;
    case "gate.admitted":
    case "gate.released":
    case "ledger.closed":
    case "schedule.served":
      return "";
  }
}

/** A limit in words: "3 at once of acme", "10 per 1m00s". */
export function limitText({ key, limit, perMs }: Limit): string {
  const most = perMs === undefined ? `${limit} at once` : `${limit} per ${duration(perMs)}`;
  return key === "" ? most : `${most} of ${key}`;
}

const limitsText = (limits: readonly Limit[]): string =>
  limits.map(limitText).join(", ") || "no limit";

/** When a schedule is due, in words. */
export const whenText = ({ cron, timeZone, everyMs = 0 }: ScheduleSpec): string =>
  cron === undefined ? `every ${duration(everyMs)}` : `at ${cron} (${timeZone ?? "UTC"})`;
