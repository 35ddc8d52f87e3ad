/** `millrace cancel`, `pause` and `resume`: ask something of a run as a whole. */
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";

interface RequestFlags extends StoreFlags {
  readonly reason?: string;
}

/** What can be asked, and how it is told to people. */
const requests = {
  cancel: "ask a run to stop: its steps are aborted, then it ends as cancelled",
  pause: "begin nothing new in a run until it is resumed; what runs may end",
  resume: "let a paused run go on",
} as const;

type Request = keyof typeof requests;

const done: Readonly<Record<Request, string>> = {
  cancel: "to stop",
  pause: "to pause",
  resume: "to go on",
};

/** Adds the commands to the program. */
export function registerRequests(program: Command, cli: Cli): void {
  for (const [request, description] of Object.entries(requests) as [Request, string][]) {
    withStoreFlags(program.command(request))
      .description(description)
      .argument("<run>", "the run's id")
      .option("--reason <text>", "why; kept in the run's log")
      .action((run: string, flags: RequestFlags) => ask(cli, request, run, flags));
  }
}

async function ask(cli: Cli, request: Request, run: string, flags: RequestFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const { reason } = flags;
  await using millrace = await openExisting(settings);
  await millrace[request](run, {
    by: "command line",
    ...(reason === undefined ? {} : { reason }),
  });
  const { status } = await millrace.get(run);
  if (settings.json) cli.output.json({ run, status, asked: true });
  else cli.output.print(`run ${run} (${status}) is asked ${done[request]}; its next host does it`);
}
