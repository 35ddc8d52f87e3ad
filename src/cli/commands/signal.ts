/** `millrace signal`: tell a run something it waits for, or will wait for. */
import type { Command } from "commander";
import { isMillraceError, MillraceError } from "../../kernel/errors.ts";
import type { Millrace } from "../../runtime/open.ts";
import type { Cli } from "../cli.ts";
import { jsonArgument } from "../json-argument.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";

interface SignalFlags extends StoreFlags {
  readonly id?: string;
}

/** Adds the command to the program. */
export function registerSignal(program: Command, cli: Cli): void {
  withStoreFlags(program.command("signal"))
    .description("send a signal to a run; it is kept until the run takes it")
    .argument("<run>", "the run's id")
    .argument("<name>", "the signal's name, as the workflow waits for it")
    .argument("[payload]", "JSON, or @file")
    .option("--id <id>", "the signal's own id: sent again with the same one, it is taken once")
    .action((run: string, name: string, payload: string | undefined, flags: SignalFlags) =>
      sendSignal(cli, { run, name, payload, flags }),
    );
}

interface Sending {
  readonly run: string;
  readonly name: string;
  readonly payload: string | undefined;
  readonly flags: SignalFlags;
}

async function sendSignal(cli: Cli, { run, name, payload, flags }: Sending): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const value = await jsonArgument("payload", payload);
  await using millrace = await openExisting(settings);
  const status = await statusOf(millrace, run);
  await millrace.signal(run, name, value, flags.id === undefined ? {} : { id: flags.id });
  if (settings.json) cli.output.json({ run, signal: name, status });
  else if (status === null)
    cli.output.print(`there is no run ${run} yet; signal ${name} is kept for it`);
  else cli.output.print(`signal ${name} is kept for run ${run} (${status})`);
}

/**
 * The run's status; null when there is no such run: it may be started later.
 * @throws MillraceError `E_COMMAND_REFUSED` when it has ended, for nobody would take the signal
 */
async function statusOf(millrace: Millrace, run: string): Promise<string | null> {
  try {
    const { status, endedAt } = await millrace.get(run);
    if (endedAt === null) return status;
    throw new MillraceError(
      "E_COMMAND_REFUSED",
      `run ${run} has ended (${status}); nobody would take the signal`,
      { details: { run, status } },
    );
  } catch (error) {
    if (isMillraceError(error, "E_RUN_NOT_FOUND")) return null;
    throw error;
  }
}
