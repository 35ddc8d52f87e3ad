/** `millrace explain`: why a run is not finished, and who could change that. */
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { explainLines } from "../explain-lines.ts";
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
  for (const line of explainLines(explanation, cli)) cli.output.print(line);
}
