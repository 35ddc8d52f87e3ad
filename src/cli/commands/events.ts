/** `millrace events`: what was recorded of a run, and with `--follow` what is recorded from now on. */
import type { Command } from "commander";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import type { Cli } from "../cli.ts";
import { eventDetail, eventSubject } from "../event-text.ts";
import { duration, visible } from "../render.ts";
import {
  openExisting,
  type StoreFlags,
  settingsOf,
  wholeNumber,
  withStoreFlags,
} from "../settings.ts";

interface EventsFlags extends StoreFlags {
  readonly from: number;
  readonly follow?: true;
}

/** Adds the command to the program. */
export function registerEvents(program: Command, cli: Cli): void {
  withStoreFlags(program.command("events"))
    .description("print the events of a run; with --json one line of JSON each")
    .argument("<run>", "the run's id")
    .option("--from <seq>", "the first one wanted", wholeNumber(1), 1)
    .option("--follow", "go on with new ones until the run ends")
    .action((run: string, flags: EventsFlags) => printEvents(cli, run, flags));
}

async function printEvents(cli: Cli, run: string, flags: EventsFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const { output } = cli;
  await using millrace = await openExisting(settings);
  const { seq, createdAt } = await millrace.get(run);
  const last = flags.follow === true ? Number.POSITIVE_INFINITY : seq;
  if (flags.from > last) return;
  for await (const event of millrace.subscribe({ run, from: flags.from, signal: output.gone })) {
    if (settings.json) output.json(event);
    else output.print(lineOf(event, createdAt));
    if (event.seq >= last) return;
  }
}

/** Widths of seq, time since the run began, type and subject. */
const WIDTHS = [6, 8, 17, 16] as const;

function lineOf(event: RecordedEvent, createdAt: number): string {
  const [seq, since, type, subject] = WIDTHS;
  return visible(
    [
      String(event.seq).padStart(seq),
      `+${duration(event.at - createdAt)}`.padStart(since),
      event.type.padEnd(type),
      eventSubject(event).padEnd(subject),
      eventDetail(event),
    ]
      .join("  ")
      .trimEnd(),
  );
}
