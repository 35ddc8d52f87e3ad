/** `millrace compare`: two runs beside each other, from where they have nothing in common any more. */
import type { Command } from "commander";
import type { ComparedEvents } from "../../client/forking/compare-runs.ts";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import type { Cli } from "../cli.ts";
import { eventDetail, eventSubject } from "../event-text.ts";
import { type Cell, visible } from "../render.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";

interface CompareFlags extends StoreFlags {
  readonly all?: true;
}

/** Adds the command to the program. */
export function registerCompare(program: Command, cli: Cli): void {
  withStoreFlags(program.command("compare"))
    .description("show where two runs differ, event by event: a run and its fork, or any two")
    .argument("<left>", "a run's id")
    .argument("<right>", "another run's id")
    .option("--all", "also show events that say the same in both")
    .action((left: string, right: string, flags: CompareFlags) => compare(cli, left, right, flags));
}

async function compare(cli: Cli, left: string, right: string, flags: CompareFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  await using millrace = await openExisting(settings);
  const { common, events } = await millrace.compare(left, right);
  const shown = events.filter(({ same }) => flags.all === true || !same);
  const { output } = cli;
  if (settings.json) return output.json({ common, events: shown });
  output.print(
    common === null
      ? "nothing in common"
      : `in common up to event ${common.seq} of run ${common.run}`,
  );
  if (shown.length === 0) return output.print("no difference");
  const header: Cell[] = ["", "seq", left, "seq", right];
  output.table([header, ...shown.map(row)]);
}

const row = ({ left, right, same }: ComparedEvents): Cell[] => [
  same ? " " : "≠",
  ...side(left),
  ...side(right),
];

const side = (event: RecordedEvent | null): Cell[] =>
  event === null
    ? ["", ""]
    : [
        String(event.seq),
        visible(`${event.type} ${eventSubject(event)} ${eventDetail(event)}`.trim()),
      ];
