/** `millrace show`: one run with its steps, what failed, and what it returned. */
import type { Command } from "commander";
import type { Wait } from "../../domain/wait.ts";
import type { Cli } from "../cli.ts";
import { causeLines } from "../failures.ts";
import { duration, jsonText, moment, visible } from "../render.ts";
import { headLines, stepLines } from "../run-lines.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";

interface ShowFlags extends StoreFlags {
  readonly items?: true;
}

/** Adds the command to the program. */
export function registerShow(program: Command, cli: Cli): void {
  withStoreFlags(program.command("show"))
    .description("show a run: its steps, timings, errors and result")
    .argument("<run>", "the run's id")
    .option("--items", "list every item of mapped steps, not only those in trouble")
    .action((run: string, flags: ShowFlags) => showRun(cli, run, flags));
}

async function showRun(cli: Cli, run: string, flags: ShowFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  await using millrace = await openExisting(settings);
  const view = await millrace.get(run);
  const { waits } = await millrace.explain(run);
  const completed = view.status === "completed";
  const result = completed ? { result: await millrace.result(run) } : {};
  const { output } = cli;
  if (settings.json) return output.json({ ...view, waits, ...result });
  const now = cli.clock.now();
  for (const line of headLines(view, now, output.paint)) output.print(line);
  for (const line of stepLines(view, flags.items === true, now, output.paint)) output.print(line);
  for (const line of waitLines(waits, now)) output.print(line);
  if (view.error !== null) for (const line of ["", ...causeLines(view.error)]) output.print(line);
  if (completed) for (const line of ["", jsonText(result.result, 2)]) output.print(line);
}

/** What a run that has not ended waits for, one line each, below an empty one. */
function waitLines(waits: readonly Wait[], now: number): string[] {
  if (waits.length === 0) return [];
  return [
    "",
    "waits",
    ...waits.map(({ what, since, until, by }) => {
      const end = until === null ? "" : `, until ${moment(until)}`;
      return visible(`  ${what}, for ${duration(now - since)}${end}; ended by ${by}`);
    }),
  ];
}
