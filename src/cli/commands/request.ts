/** `millrace cancel`, `terminate`, `pause` and `resume`: ask something of a run as a whole. */
import type { Command } from "commander";
import type { Duration } from "../../kernel/duration.ts";
import type { Cli } from "../cli.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";

/** Who asks for something, and why; as given on the command line. */
export interface WhoFlags extends StoreFlags {
  readonly by: string;
  readonly reason?: string;
}

interface RequestFlags extends WhoFlags {
  readonly grace?: string;
}

/** What can be asked, and how it is told to people. */
const requests = {
  cancel: "ask a run to stop: its steps may end for a while, what was done is undone, and it ends",
  terminate: "end a run at once, whatever it is at; nothing is undone",
  pause: "begin nothing new in a run until it is resumed; what runs may end",
  resume: "let a paused run go on",
} as const;

type Request = keyof typeof requests;

const done: Readonly<Record<Request, string>> = {
  cancel: "is asked to stop; its next host does it",
  terminate: "is terminated",
  pause: "is asked to pause; its next host does it",
  resume: "is asked to go on; its next host does it",
};

/** Adds the flags that say who asks, and why. */
export const withWhoFlags = (command: Command): Command =>
  withStoreFlags(command)
    .option("--by <who>", "who asks; kept in the run's log", "command line")
    .option("--reason <text>", "why; kept in the run's log");

/** The flags as options of the client's calls. */
export const whoOf = ({ by, reason }: WhoFlags): { by: string; reason?: string } =>
  reason === undefined ? { by } : { by, reason };

/** Adds the commands to the program. */
export function registerRequests(program: Command, cli: Cli): void {
  for (const [request, description] of Object.entries(requests) as [Request, string][]) {
    const command = withWhoFlags(program.command(request))
      .description(description)
      .argument("<run>", "the run's id")
      .action((run: string, flags: RequestFlags) => ask(cli, request, run, flags));
    if (request === "cancel") {
      command.option(
        "--grace <duration>",
        "how long steps may take to end (default: as the workflow says)",
      );
    }
  }
}

async function ask(cli: Cli, request: Request, run: string, flags: RequestFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const grace = flags.grace === undefined ? {} : { grace: flags.grace as Duration };
  await using millrace = await openExisting(settings);
  await millrace[request](run, { ...whoOf(flags), ...grace });
  const { status } = await millrace.get(run);
  if (settings.json) cli.output.json({ run, status, asked: true });
  else cli.output.print(`run ${run} (${status}) ${done[request]}`);
}
