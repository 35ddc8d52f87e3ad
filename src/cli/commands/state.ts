/** `millrace state`: a run as it was after one of its events, or at a time. */
import type { Command } from "commander";
import type { RunMoment } from "../../client/state-at.ts";
import type { StateView } from "../../client/state-view.ts";
import type { Cli } from "../cli.ts";
import { valueText } from "../event-text.ts";
import { causeLines } from "../failures.ts";
import { momentArgument } from "../moment-argument.ts";
import { moment, type Paint, table } from "../render.ts";
import { headLines, stepLines } from "../run-lines.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";

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

/** What there was beside the steps, kind by kind. */
function restLines(
  { timers, waits, signals, checkpoints, outputs }: StateView,
  paint: Paint,
): string[] {
  const until = (due: number | null): string => (due === null ? "" : `until ${moment(due)}`);
  const parts: [string, string[][]][] = [
    ["timers", timers.map(({ timer, due }) => [timer, until(due)])],
    ["waits", waits.map(({ wait, name, due }) => [wait, `for ${name}`, until(due)])],
    [
      "signals",
      signals.map(({ id, name, payload, takenBy }) => [
        ...[id, name, takenBy === null ? "not taken" : `taken by ${takenBy}`, valueText(payload)],
      ]),
    ],
    [
      "checkpoints",
      checkpoints.map(({ checkpoint, node, at, bytes }) => [
        ...[String(checkpoint), node, moment(at), `${bytes} bytes`],
      ]),
    ],
    [
      "outputs",
      outputs.map(({ ref, producer, attempt, type, name }) => [
        ...[ref, producer, `attempt ${attempt}`, type, name ?? ""],
      ]),
    ],
  ];
  return parts.flatMap(([what, rows]) =>
    rows.length === 0
      ? []
      : ["", paint("bold", what), ...table(rows, paint).map((line) => `  ${line}`)],
  );
}
