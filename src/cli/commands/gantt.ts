/** `millrace gantt`: when and where each attempt of a run was made, as an SVG chart. */
import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import { ganttSvg } from "../../projections/gantt.ts";
import { timelineOf } from "../../projections/timeline.ts";
import type { Cli } from "../cli.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";
import { usable } from "../user-file.ts";

interface GanttFlags extends StoreFlags {
  readonly out?: string;
}

/** Adds the command to the program. */
export function registerGantt(program: Command, cli: Cli): void {
  withStoreFlags(program.command("gantt"))
    .description("draw a run: its attempts over time on the nodes that made them, as SVG")
    .argument("<run>", "the run's id")
    .option("--out <file>", "where to; by default to the standard output")
    .action((run: string, flags: GanttFlags) => gantt(cli, run, flags));
}

async function gantt(cli: Cli, run: string, { out, ...flags }: GanttFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  await using millrace = await openExisting(settings);
  // A run that does not exist must not leave an empty file.
  await millrace.get(run);
  const events: RecordedEvent[] = [];
  for await (const event of millrace.handle(run).events({ live: false })) events.push(event);
  const timeline = timelineOf(events, cli.clock.now());
  if (out !== undefined) await usable(out, writeFile(out, ganttSvg(timeline)));
  const { output } = cli;
  if (settings.json) output.json(timeline);
  else if (out === undefined) output.write(ganttSvg(timeline));
  else output.print(`the chart of run ${run} is in ${out}`);
}
