/** Arbitraries for everything that can happen to a schedule, and be asked of it. */
import fc from "fast-check";
import type {
  ScheduleCommand,
  ScheduleEvent,
  ScheduleSpec,
} from "../../../machines/schedule-data.ts";
import { type ByType, command, event } from "./message-arbitraries.ts";
import { counts, ids, text, times, values } from "./value-arbitraries.ts";

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
    timeZone: fc.constantFrom("UTC", "Europe/Vienna"),
    everyMs: fc.integer({ min: 1, max: 20 }),
    offsetMs: fc.nat(10),
    startAt: times,
    endAt: times,
    overlap: overlaps,
    catchUp: fc.record({ withinMs: times, limit: counts }),
    jitterMs: fc.nat(5),
    labels: fc.dictionary(ids, text, { maxKeys: 1 }),
  },
  { requiredKeys: ["workflow", "overlap", "catchUp", "jitterMs", "labels"] },
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
const ticked = { tick: times, started: ids, overlap: overlaps };
const skipped = { tick: times, count: counts, reason: text };
const served = { order: ids, ended };
const backfilled = { order: ids, by: ids, from: times, to: times, overlap: overlaps } as const;

/** An arbitrary for each event of a schedule, by its name. */
export const scheduleEventTypes: ByType<ScheduleEvent> = {
  "ledger.opened": event("ledger.opened", { name: ids, generation: counts }, { state: carried }),
  "ledger.closed": event("ledger.closed"),
  "schedule.declared": event("schedule.declared", { by: ids, spec: specs }),
  "schedule.paused": event("schedule.paused", { by: ids, reason: text }),
  "schedule.resumed": event("schedule.resumed", { by: ids }),
  "schedule.triggered": event("schedule.triggered", { order: ids, by: ids }, { overlap: overlaps }),
  "schedule.backfilled": event("schedule.backfilled", { ...backfilled }),
  "schedule.ticked": event("schedule.ticked", ticked, served),
  "schedule.skipped": event("schedule.skipped", skipped, served),
  "schedule.served": event("schedule.served", { order: ids }),
  "schedule.deleted": event("schedule.deleted", { by: ids }),
};

/** An arbitrary for each command to a schedule, by its name. */
export const scheduleCommandTypes: ByType<ScheduleCommand> = {
  "cmd.open": command("cmd.open", { name: ids, generation: counts }, { state: carried }),
  "cmd.close": command("cmd.close"),
  "cmd.declare": command("cmd.declare", { by: ids, spec: specs }),
  "cmd.pause": command("cmd.pause", { by: ids, reason: text }),
  "cmd.resume": command("cmd.resume", { by: ids }),
  "cmd.trigger": command("cmd.trigger", { order: ids, by: ids }, { overlap: overlaps }),
  "cmd.backfill": command("cmd.backfill", { ...backfilled }),
  "cmd.tick": command("cmd.tick", ticked, served),
  "cmd.skip": command("cmd.skip", skipped, served),
  "cmd.serve": command("cmd.serve", { order: ids }),
  "cmd.delete": command("cmd.delete", { by: ids }),
};
