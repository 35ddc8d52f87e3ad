/** Arbitraries for everything that can happen to a schedule, and be asked of it. */
import fc from "fast-check";
import type { ScheduleCommand, ScheduleEvent, ScheduleSpec } from "../../machines/schedule-data.ts";
import { type ByType, counts, ids, text, times, type, values } from "./value-arbitraries.ts";

const overlaps = fc.constantFrom(
  "skip" as const,
  "buffer-one" as const,
  "buffer-all" as const,
  "cancel-other" as const,
  "allow" as const,
);

const specs: fc.Arbitrary<ScheduleSpec> = fc.record(
  {
    workflow: ids,
    input: values,
    cron: fc.constantFrom("0 3 * * *", "*/5 * * * *"),
    timezone: fc.constantFrom("UTC", "Europe/Vienna"),
    everyMs: fc.integer({ min: 1, max: 20 }),
    offsetMs: fc.nat(10),
    overlap: overlaps,
    catchUp: fc.record({ withinMs: times, limit: counts }),
    jitterMs: fc.nat(5),
    labels: fc.dictionary(ids, text, { maxKeys: 1 }),
  },
  { requiredKeys: ["workflow", "input", "overlap", "catchUp", "jitterMs", "labels"] },
);

const carried = fc.record(
  {
    spec: fc.option(specs),
    paused: fc.option(fc.record({ by: ids, at: times, reason: text })),
    since: times,
  },
  { requiredKeys: [] },
);

const ended = fc.array(ids, { maxLength: 2 });
const ticked = { tick: times, started: ids, order: ids, ended } as const;
const skipped = { tick: times, count: counts, reason: text, order: ids, ended } as const;
const backfilled = { order: ids, by: ids, from: times, to: times, overlap: overlaps } as const;

/** An arbitrary for each event of a schedule, by its name. */
export const scheduleEventTypes: ByType<ScheduleEvent> = {
  "ledger.opened": fc.record(
    {
      type: type("ledger.opened"),
      at: times,
      name: ids,
      generation: counts,
      state: carried,
    },
    { requiredKeys: ["type", "at", "name", "generation"] },
  ),
  "ledger.closed": fc.record({ type: type("ledger.closed"), at: times }),
  "schedule.declared": fc.record({
    type: type("schedule.declared"),
    at: times,
    by: ids,
    spec: specs,
  }),
  "schedule.paused": fc.record({ type: type("schedule.paused"), at: times, by: ids, reason: text }),
  "schedule.resumed": fc.record({ type: type("schedule.resumed"), at: times, by: ids }),
  "schedule.triggered": fc.record({
    type: type("schedule.triggered"),
    at: times,
    order: ids,
    by: ids,
  }),
  "schedule.backfilled": fc.record({
    type: type("schedule.backfilled"),
    at: times,
    ...backfilled,
  }),
  "schedule.ticked": fc.record(
    { type: type("schedule.ticked"), at: times, ...ticked },
    { requiredKeys: ["type", "at", "tick", "started"] },
  ),
  "schedule.skipped": fc.record(
    { type: type("schedule.skipped"), at: times, ...skipped },
    { requiredKeys: ["type", "at", "tick", "count", "reason"] },
  ),
  "schedule.served": fc.record({ type: type("schedule.served"), at: times, order: ids }),
  "schedule.deleted": fc.record({ type: type("schedule.deleted"), at: times, by: ids }),
};

/** An arbitrary for each command to a schedule, by its name. */
export const scheduleCommandTypes: ByType<ScheduleCommand> = {
  "cmd.open": fc.record(
    { type: type("cmd.open"), now: times, name: ids, generation: counts, state: carried },
    { requiredKeys: ["type", "now", "name", "generation"] },
  ),
  "cmd.close": fc.record({ type: type("cmd.close"), now: times }),
  "cmd.declare": fc.record({ type: type("cmd.declare"), now: times, by: ids, spec: specs }),
  "cmd.pause": fc.record({ type: type("cmd.pause"), now: times, by: ids, reason: text }),
  "cmd.resume": fc.record({ type: type("cmd.resume"), now: times, by: ids }),
  "cmd.trigger": fc.record({ type: type("cmd.trigger"), now: times, order: ids, by: ids }),
  "cmd.backfill": fc.record({ type: type("cmd.backfill"), now: times, ...backfilled }),
  "cmd.tick": fc.record(
    { type: type("cmd.tick"), now: times, ...ticked },
    { requiredKeys: ["type", "now", "tick", "started"] },
  ),
  "cmd.skip": fc.record(
    { type: type("cmd.skip"), now: times, ...skipped },
    { requiredKeys: ["type", "now", "tick", "count", "reason"] },
  ),
  "cmd.serve": fc.record({ type: type("cmd.serve"), now: times, order: ids }),
  "cmd.delete": fc.record({ type: type("cmd.delete"), now: times, by: ids }),
};
