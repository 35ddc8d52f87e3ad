/** `millrace schedule …`: schedules declared, looked at, paused, and told to start runs. */
import { type Command, Option } from "commander";
import type { Overlap } from "../../../machines/schedule-data.ts";
import { overlaps, type ScheduleOptions } from "../../client/schedules/schedule-options.ts";
import { type Millrace, open } from "../../runtime/open.ts";
import type { Cli } from "../cli.ts";
import { jsonArgument } from "../json-argument.ts";
import { labels } from "../labels.ts";
import { scheduleFacts, scheduleRows } from "../schedule-rows.ts";
import {
  checkShared,
  openExisting,
  type StoreFlags,
  settingsOf,
  storeIn,
  wholeNumber,
  withStoreFlags,
} from "../settings.ts";
import { userName } from "../user-name.ts";

interface PutFlags extends StoreFlags {
  readonly workflow: string;
  readonly input?: string;
  readonly cron?: string;
  readonly timeZone?: string;
  readonly every?: string;
  readonly offset?: string;
  readonly startAt?: string;
  readonly endAt?: string;
  readonly overlap?: Overlap;
  readonly catchUpWithin?: string;
  readonly catchUpLimit?: number;
  readonly jitter?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly paused?: boolean;
}

interface OrderFlags extends StoreFlags {
  readonly overlap?: Overlap;
  readonly id?: string;
}

interface BackfillFlags extends OrderFlags {
  readonly from: string;
  readonly to: string;
}

const overlapOption = (what: string): Option =>
  new Option("--overlap <policy>", what).choices([...overlaps]);

/** Adds the command to the program. */
export function registerSchedule(program: Command, cli: Cli): void {
  const schedule = program
    .command("schedule")
    .alias("schedules")
    .description("declare schedules, look at them, pause them, have them start runs");
  withStoreFlags(schedule.command("list"))
    .description("list schedules: when they are due next, and what became of the last tick")
    .action((flags: StoreFlags) => list(cli, flags));
  withStoreFlags(schedule.command("show"))
    .description("everything about a schedule: its next times, its runs, its last ticks")
    .argument("<id>", "the schedule's id")
    .action((id: string, flags: StoreFlags) => show(cli, id, flags));
  registerPut(schedule, cli);
  registerTelling(schedule, cli);
  registerOrders(schedule, cli);
}

function registerPut(schedule: Command, cli: Cli): void {
  withStoreFlags(schedule.command("create").alias("put"))
    .description(
      "make a schedule, or change it to be this one; workers with its workflow start its runs",
    )
    .argument("<id>", "the schedule's id")
    .requiredOption("--workflow <name>", "whose runs it starts")
    .option("--input <json>", "of every run: JSON, or @file")
    .option("--cron <expression>", "when: 'minute hour day-of-month month day-of-week', or @daily")
    .option("--time-zone <name>", "in which --cron is read (default: UTC)")
    .option("--every <duration>", "when: at whole multiples of it since 1970, such as 15m")
    .option("--offset <duration>", "with --every: so much later")
    .option("--start-at <time>", "not before: 2026-03-01T12:00:00Z")
    .option("--end-at <time>", "not after")
    .addOption(overlapOption("while an earlier run has not ended (default: skip)"))
    .option(
      "--catch-up-within <duration>",
      "how old a missed tick may be that is made up for (default: 1h)",
    )
    .option("--catch-up-limit <count>", "how many of them, the newest (default: 1)", wholeNumber(0))
    .option("--jitter <duration>", "runs begin by a random part of this later")
    .option("--label <name=value>", "of every run; can be repeated", labels)
    .option("--paused", "paused from now on")
    .option("--no-paused", "not paused any more")
    .action((id: string, flags: PutFlags) => put(cli, id, flags));
}

function registerTelling(schedule: Command, cli: Cli): void {
  withStoreFlags(schedule.command("pause"))
    .description("start no further runs until it is resumed; runs that have begun go on")
    .argument("<id>", "the schedule's id")
    .option("--reason <text>", "why; kept in the log")
    .action((id: string, flags: StoreFlags & { readonly reason?: string }) =>
      tell(cli, flags, async ({ schedules }) => {
        const { reason } = flags;
        await schedules.pause(id, { by: userName(), ...(reason === undefined ? {} : { reason }) });
        return { schedule: id, paused: true, said: `schedule ${id} is paused` };
      }),
    );
  withStoreFlags(schedule.command("resume"))
    .description("go on with the ticks from now on")
    .argument("<id>", "the schedule's id")
    .action((id: string, flags: StoreFlags) =>
      tell(cli, flags, async ({ schedules }) => {
        await schedules.resume(id, { by: userName() });
        return { schedule: id, paused: false, said: `schedule ${id} goes on` };
      }),
    );
  withStoreFlags(schedule.command("delete"))
    .description("delete a schedule; its runs go on")
    .argument("<id>", "the schedule's id")
    .action((id: string, flags: StoreFlags) =>
      tell(cli, flags, async ({ schedules }) => {
        await schedules.get(id);
        const deleted = await schedules.delete(id, { by: userName() });
        return { schedule: id, deleted, said: `schedule ${id} is deleted` };
      }),
    );
}

function registerOrders(schedule: Command, cli: Cli): void {
  withStoreFlags(schedule.command("trigger"))
    .description("start a run now, also of a paused schedule")
    .argument("<id>", "the schedule's id")
    .addOption(overlapOption("while an earlier run has not ended (default: as the schedule says)"))
    .option("--id <id>", "the order's own id: given again, it starts the same run")
    .action((id: string, flags: OrderFlags) =>
      tell(cli, flags, async ({ schedules }) => {
        const run = await schedules.trigger(id, { by: userName(), ...orderOf(flags) });
        return { schedule: id, run, said: `run ${run} begins as soon as a worker takes it` };
      }),
    );
  withStoreFlags(schedule.command("backfill"))
    .description("start runs for the ticks of a time that is past, also of a paused schedule")
    .argument("<id>", "the schedule's id")
    .requiredOption("--from <time>", "the first moment: 2026-03-01T12:00:00Z")
    .requiredOption("--to <time>", "the last moment")
    .addOption(overlapOption("while an earlier run has not ended (default: buffer-all)"))
    .option("--id <id>", "the order's own id: given again, it starts the same runs")
    .action((id: string, flags: BackfillFlags) =>
      tell(cli, flags, async ({ schedules }) => {
        const { from, to } = flags;
        const options = { from, to, by: userName(), ...orderOf(flags) };
        const { order, ticks } = await schedules.backfill(id, options);
        return { schedule: id, order, ticks, said: `${ticks} ticks get a run each (${order})` };
      }),
    );
}

const orderOf = ({ overlap, id }: OrderFlags) => ({
  ...(overlap === undefined ? {} : { overlap }),
  ...(id === undefined ? {} : { id }),
});

async function list(cli: Cli, flags: StoreFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  await using millrace = await openExisting(settings);
  const schedules = await millrace.schedules.list();
  const { output } = cli;
  if (settings.json) return output.json(schedules);
  if (schedules.length === 0) return output.note("no schedules");
  output.table(scheduleRows(schedules));
}

async function show(cli: Cli, id: string, flags: StoreFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  await using millrace = await openExisting(settings);
  const view = await millrace.schedules.get(id);
  const { output } = cli;
  if (settings.json) return output.json(view);
  output.table(scheduleFacts(view));
}

async function put(cli: Cli, id: string, flags: PutFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  checkShared(settings.store);
  const { workflow, cron, timeZone, every, offset, startAt, endAt, overlap } = flags;
  const { catchUpWithin: within, catchUpLimit: limit, jitter, label, paused } = flags;
  const input = await jsonArgument("--input", flags.input);
  const given = { cron, timeZone, every, offset, startAt, endAt, overlap, jitter, paused, input };
  const catchUp = defined({ within, limit });
  const options: ScheduleOptions = {
    ...{ id, workflow, by: userName() },
    ...defined({ ...given, labels: label }),
    ...(Object.keys(catchUp).length === 0 ? {} : { catchUp }),
  };
  await using millrace = await open(storeIn(settings));
  const view = await millrace.schedules.put(options);
  const { output } = cli;
  if (settings.json) return output.json(view);
  output.table(scheduleFacts(view));
}

/** Without what was not given. */
const defined = <T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };

/** Does it, and says what was done: in words, or as JSON without them. */
async function tell(
  cli: Cli,
  flags: StoreFlags,
  work: (millrace: Millrace) => Promise<{ readonly said: string }>,
): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  await using millrace = await openExisting(settings);
  const { said, ...done } = await work(millrace);
  if (settings.json) cli.output.json(done);
  else cli.output.print(said);
}
