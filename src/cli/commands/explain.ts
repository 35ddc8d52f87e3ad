/** `millrace explain`: why a run is not finished, and who could change that. */
import type { Command } from "commander";
import type { Explanation } from "../../domain/explain.ts";
import type { Cli } from "../cli.ts";
import { duration, moment, table } from "../render.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";

/** Adds the command to the program. */
export function registerExplain(program: Command, cli: Cli): void {
  withStoreFlags(program.command("explain"))
    .description("say what a run waits for, since when, until when, and who could end the wait")
    .argument("<run>", "the run's id")
    .action((run: string, flags: StoreFlags) => explainRun(cli, run, flags));
}

async function explainRun(cli: Cli, run: string, flags: StoreFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  await using millrace = await openExisting(settings);
  const explanation = await millrace.explain(run);
  if (settings.json) return cli.output.json(explanation);
  for (const line of lines(explanation, cli)) cli.output.print(line);
}

function lines({ run, status, waits }: Explanation, { clock, output }: Cli): string[] {
  if (waits.length === 0) return [`run ${run} has ended (${status}); it waits for nothing`];
  const now = clock.now();
  const rows = waits.map(({ what, since, until, by }) => [
    what,
    duration(now - since),
    until === null ? "" : moment(until),
    by,
  ]);
  return table([["waits for", "since", "until", "ended by"], ...rows], output.paint);
}
