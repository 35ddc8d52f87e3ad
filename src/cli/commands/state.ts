/** `millrace state`: a run as it was after one of its events, or at a time. */
import type { Command } from "commander";
import type { RunMoment } from "../../client/looking/state-at.ts";
import type { Cli } from "../cli.ts";
import { valueText } from "../event-text.ts";
import { causeLines } from "../failures.ts";
import { momentArgument } from "../moment-argument.ts";
import { headLines, stepLines } from "../run-lines.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";
import { restLines } from "../state-lines.ts";

interface StateFlags extends StoreFlags {
  readonly at: RunMoment;
  readonly items?: true;
}

/** Adds the command to the program. */
export function registerState(program: Command, cli: Cli): void {
  withStoreFlags(program.command("state"))
    .description("show a run as it was: its steps, timers, waits, signals, outputs and checkpoints")
    .argument("<run>", "the run's id")
    .requiredOption(
      "--at <moment>",
      "right after the event with this seq, or at a time",
      momentArgument,
    )
    .option("--items", "list every item of mapped steps, not only those in trouble")
    .action((run: string, flags: StateFlags) => showState(cli, run, flags));
}

async function showState(cli: Cli, run: string, flags: StateFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  await using millrace = await openExisting(settings);
  const view = await millrace.stateAt(run, flags.at);
  const { output } = cli;
  if (settings.json) return output.json(view);
  const now = view.updatedAt;
  for (const line of headLines(view, now, output.paint)) output.print(line);
  for (const line of stepLines(view, flags.items === true, now, output.paint)) output.print(line);
  for (const line of restLines(view, output.paint)) output.print(line);
  if (view.error !== null) for (const line of ["", ...causeLines(view.error)]) output.print(line);
  if (view.output !== null) for (const line of ["", valueText(view.output)]) output.print(line);
}
