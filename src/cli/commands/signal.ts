/** `millrace signal`: tell a run, or all that fit, something they wait for, or will wait for. */
import type { Command } from "commander";
import type { SignalTarget } from "../../client/telling/signal-where.ts";
import type { Duration } from "../../kernel/duration.ts";
import { isMillraceError, MillraceError } from "../../kernel/errors.ts";
import type { Millrace } from "../../runtime/open.ts";
import type { Cli } from "../cli.ts";
import { jsonArgument } from "../json-argument.ts";
import { labels } from "../labels.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";

interface SignalFlags extends StoreFlags {
  readonly id?: string;
  readonly correlation?: string;
  readonly workflow?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly keep?: string;
  readonly index?: string;
}

/** A signal to one run. */
interface Sending {
  readonly run: string;
  readonly name: string;
  readonly payload: string | undefined;
  readonly flags: SignalFlags;
}

const WORDS =
  "a run and the signal's name; with --correlation, --workflow or --label only the name";

/** Adds the command to the program. */
export function registerSignal(program: Command, cli: Cli): void {
  withStoreFlags(program.command("signal"))
    .description("send a signal to a run, or to all that fit; it is kept until they take it")
    .usage(
      "[options] <run> <name> [payload]\n       millrace signal --correlation <key> <name> [payload]",
    )
    .argument("<words...>", `${WORDS}; then the payload, if any: JSON, or @file`)
    .option("--id <id>", "the signal's own id: sent again with the same one, it is taken once")
    .option("--correlation <key>", "to all runs that were, or will be, started with this key")
    .option("--workflow <name>", "to all runs of this workflow")
    .option("--label <name=value>", "to all runs with this label; can be repeated", labels)
    .option("--keep <duration>", "how long later runs with the key get it too (default: 1d)")
    .option(
      "--index <path>",
      "where `millrace search` keeps its index: then the log need not be read",
    )
    .action((words: readonly string[], flags: SignalFlags) => {
      const { correlation, workflow, label: found } = flags;
      const target: SignalTarget = {
        ...(correlation === undefined ? {} : { correlation }),
        ...(workflow === undefined ? {} : { workflow }),
        ...(found === undefined ? {} : { labels: found }),
      };
      if (Object.keys(target).length > 0) return signalMany(cli, target, words, flags);
      const [run, ...rest] = words;
      return sendSignal(cli, { run: run ?? "", ...read(rest), flags });
    });
}

/** @throws MillraceError `E_OPTION_INVALID` when the name is missing, or something follows the payload */
function read([name, payload, ...more]: readonly string[]): Pick<Sending, "name" | "payload"> {
  if (name !== undefined && more.length === 0) return { name, payload };
  const what = name === undefined ? "the signal's name is missing" : `what is ${more[0]}?`;
  throw new MillraceError("E_OPTION_INVALID", `${what}; say ${WORDS}`);
}

async function signalMany(
  cli: Cli,
  target: SignalTarget,
  words: readonly string[],
  flags: SignalFlags,
): Promise<void> {
  const { name, payload } = read(words);
  const { id, keep, index } = flags;
  const settings = settingsOf(flags, cli.env);
  const value = await jsonArgument("payload", payload);
  await using millrace = await openExisting(settings, index === undefined ? {} : { index });
  const runs = await millrace.signalWhere(target, name, value, {
    ...(id === undefined ? {} : { id }),
    ...(keep === undefined ? {} : { keep: keep as Duration }),
  });
  if (settings.json) return cli.output.json({ signal: name, runs });
  for (const run of runs) cli.output.print(run);
  const count = runs.length === 1 ? "1 run" : `${runs.length} runs`;
  cli.output.note(`signal ${name} is kept for ${count}${laterText(target, keep)}`);
}

const laterText = ({ correlation }: SignalTarget, keep = "1d"): string =>
  correlation === undefined ? "" : `, and for those started with the key within ${keep}`;

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
