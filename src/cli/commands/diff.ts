/** `millrace diff`: what became different in a run between two of its moments. */
import type { Command } from "commander";
import type { RunMoment } from "../../client/looking/state-at.ts";
import type { Cli } from "../cli.ts";
import { diffLines } from "../diff-text.ts";
import { momentArgument } from "../moment-argument.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";

/** Adds the command to the program. */
export function registerDiff(program: Command, cli: Cli): void {
  withStoreFlags(program.command("diff"))
    .description("print what became different in a run between two of its events, or times")
    .argument("<run>", "the run's id")
    .argument("<from>", "right after the event with this seq, or at a time", momentArgument)
    .argument("<to>", "the same", momentArgument)
    .action((run: string, from: RunMoment, to: RunMoment, flags: StoreFlags) =>
      printDiff(cli, run, [from, to], flags),
    );
}

async function printDiff(
  cli: Cli,
  run: string,
  [from, to]: readonly [RunMoment, RunMoment],
  flags: StoreFlags,
): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  await using millrace = await openExisting(settings);
  const diff = await millrace.diff(run, from, to);
  if (settings.json) return cli.output.json(diff);
  for (const line of diffLines(diff, cli.output.paint)) cli.output.print(line);
}
