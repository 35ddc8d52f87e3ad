/** `millrace cancel`: ask a run to stop. */
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";

interface CancelFlags extends StoreFlags {
  readonly reason?: string;
}

/** Adds the command to the program. */
export function registerCancel(program: Command, cli: Cli): void {
  withStoreFlags(program.command("cancel"))
    .description("ask a run to stop: its steps are aborted, then it ends as cancelled")
    .argument("<run>", "the run's id")
    .option("--reason <text>", "why; kept in the run's log")
    .action((run: string, flags: CancelFlags) => cancelRun(cli, run, flags));
}

async function cancelRun(cli: Cli, run: string, flags: CancelFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const { reason } = flags;
  await using millrace = await openExisting(settings);
  await millrace.cancel(run, { by: "command line", ...(reason === undefined ? {} : { reason }) });
  const { status } = await millrace.get(run);
  if (settings.json) cli.output.json({ run, status, asked: true });
  else cli.output.print(`run ${run} (${status}) is asked to stop; its next host does it`);
}
