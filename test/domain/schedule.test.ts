// When schedules are due: days of 23 and 25 hours, missed ticks, and what is due counted another way.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ScheduleSpec } from "../../machines/schedule-data.ts";
import {
  calendarOf,
  dueTicks,
  jitterOf,
  LATE_MS,
  ticksBetween,
} from "../../src/domain/schedule.ts";
import { isMillraceError } from "../../src/kernel/errors.ts";

const HOUR = 3_600_000;
const spec = (more: Partial<ScheduleSpec>): ScheduleSpec => ({
  workflow: "w",
  overlap: "skip",
  catchUp: { withinMs: HOUR, limit: 1 },
  jitterMs: 0,
  labels: {},
  ...more,
});

/** The ticks of two days in a time zone, as times of UTC. */
function ticksOf(cron: string, timeZone: string, day: string): readonly string[] {
  const from = Date.parse(`${day}T00:00:00Z`);
  const calendar = calendarOf(spec({ cron, timeZone }));
  return ticksBetween(calendar, from - 1, from + 48 * HOUR - 1, 1_000).map((tick) =>
    new Date(tick).toISOString().slice(8, 16),
  );
}

describe("a clock that is put forward", () => {
  it("a fixed time that does not exist is due at the first moment after the gap, once", () => {
    // Berlin: 29 March 2026, from 02:00 (01:00 UTC) to 03:00; New York: 8 March, from 02:00 (07:00 UTC).
    expect(ticksOf("30 2 * * *", "Europe/Berlin", "2026-03-28")).toEqual(["28T01:30", "29T01:00"]);
    expect(ticksOf("30 2 * * *", "America/New_York", "2026-03-07")).toEqual([
      ...["07T07:30", "08T07:00"],
    ]);
  });

  it("a fixed time that exists keeps its local time", () => {
    expect(ticksOf("0 9 * * *", "Europe/Berlin", "2026-03-28")).toEqual(["28T08:00", "29T07:00"]);
    expect(ticksOf("0 9 * * *", "America/New_York", "2026-03-07")).toEqual([
      ...["07T14:00", "08T13:00"],
    ]);
  });

  it("local times of a range or step that do not exist are skipped", () => {
    expect(ticksOf("30 1-4 * * *", "Europe/Berlin", "2026-03-28")).toEqual([
      ...["28T00:30", "28T01:30", "28T02:30", "28T03:30"],
      ...["29T00:30", "29T01:30", "29T02:30", "29T23:30"],
    ]);
    expect(ticksOf("0 */6 * * *", "America/New_York", "2026-03-08")).toEqual([
      ...["08T05:00", "08T10:00", "08T16:00", "08T22:00"],
      ...["09T04:00", "09T10:00", "09T16:00", "09T22:00"],
    ]);
  });
});

describe("a clock that is put back", () => {
  it("a fixed time that exists twice is due at its first", () => {
    // Berlin: 25 October 2026, from 03:00 (01:00 UTC) to 02:00; New York: 1 November, from 02:00 (06:00 UTC).
    expect(ticksOf("30 2 * * *", "Europe/Berlin", "2026-10-24")).toEqual(["24T00:30", "25T00:30"]);
    expect(ticksOf("30 1 * * *", "America/New_York", "2026-10-31")).toEqual([
      ...["31T05:30", "01T05:30"],
    ]);
  });

  it("local times of a range or step that exist twice are due twice", () => {
    expect(ticksOf("30 1-3 * * *", "Europe/Berlin", "2026-10-25")).toEqual([
      ...["25T00:30", "25T01:30", "25T02:30", "26T00:30", "26T01:30", "26T02:30"],
    ]);
    expect(ticksOf("*/30 1 * * *", "America/New_York", "2026-11-01")).toEqual([
      ...["01T05:00", "01T05:30", "01T06:00", "01T06:30", "02T06:00", "02T06:30"],
    ]);
  });

  it("an interval knows no time zone", () => {
    const every = calendarOf(spec({ everyMs: 6 * HOUR, offsetMs: HOUR }));
    const from = Date.parse("2026-10-25T00:00:00Z");
    const hours = ticksBetween(every, from, from + 24 * HOUR, 9).map((at) => (at - from) / HOUR);
    expect(hours).toEqual([1, 7, 13, 19]);
  });
});

describe("what cannot be read", () => {
  const bad: readonly (readonly [string, string, string])[] = [
    ["61 * * * *", "UTC", "cron"],
    ["* * * *", "UTC", "cron"],
    ["2026-01-01T00:00:00", "UTC", "cron"],
    ["@fortnightly", "UTC", "cron"],
    ["0 3 * * *", "Europe/Atlantis", "timeZone"],
    ["0 3 * * *", "", "timeZone"],
  ];
  it.each(bad)("%s in %s is refused by name: %s", (cron, timeZone, option) => {
    try {
      calendarOf(spec({ cron, timeZone }));
      expect.unreachable();
    } catch (error) {
      expect(isMillraceError(error, "E_OPTION_INVALID")).toBe(true);
      expect(error).toMatchObject({ details: { option } });
    }
  });
});

const crons = fc.constantFrom(
  ...["*/7 * * * *", "0 3 * * *", "30 2 * * *", "15 1-3 * * 0", "0 0 1 * *", "*/20 * * * * *"],
);
const zones = fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe");
const specs = fc
  .record({
    times: fc.oneof(
      fc.record({ cron: crons, timeZone: zones }),
      fc.record({ everyMs: fc.integer({ min: 60_000, max: 9 * HOUR }), offsetMs: fc.nat(50_000) }),
    ),
    withinMs: fc.integer({ min: 0, max: 60 * HOUR }),
    limit: fc.nat(5),
  })
  .map(({ times, ...catchUp }) => spec({ ...times, catchUp }));
const starts = fc.constantFrom(
  ...[
    "2026-03-28T12:00:00Z",
    "2026-10-24T12:00:00Z",
    "2026-03-07T12:00:00Z",
    "2026-04-04T12:00:00Z",
  ],
);

describe("whatever is missed", () => {
  it("is told by counting forward, and so many of the newest are made up for", () => {
    const spans = fc.oneof(fc.nat(20_000), fc.nat(30 * HOUR));
    const property = fc.property(
      specs,
      starts,
      fc.nat(12 * HOUR),
      spans,
      (one, start, more, span) => {
        const since = Date.parse(start) + more;
        const now = since + span;
        const all = ticksBetween(calendarOf(one), since, now, 10_000);
        const { withinMs, limit } = one.catchUp;
        const late = all.filter((tick) => tick >= now - LATE_MS);
        const older = all.filter((tick) => tick < now - LATE_MS && tick >= now - withinMs);
        const ticks = [...older.slice(Math.max(0, older.length - limit)), ...late];
        const missed = all.length - ticks.length;
        const due = dueTicks(one, since, now);
        expect(due.ticks).toEqual(ticks);
        expect(due.missed).toEqual(
          missed === 0 ? undefined : { last: all[missed - 1], count: Math.min(missed, 1_000) },
        );
      },
    );
    fc.assert(property, { numRuns: 100 });
  });

  it("beginnings are spread over the whole jitter, each the same again", () => {
    const all = Array.from({ length: 500 }, (_, nth) => jitterOf(`s-${nth}`, 9));
    expect(new Set(all)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    expect(all).toEqual(all.map((_, nth) => jitterOf(`s-${nth}`, 9)));
  });
});
