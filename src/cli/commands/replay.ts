/** `millrace replay`: plays a run again in the terminal, from its log. No code runs. */
import { type Command, InvalidArgumentError } from "commander";
import type { RunMoment } from "../../client/looking/state-at.ts";
import { diffStates } from "../../client/looking/state-diff.ts";
import type { Cli } from "../cli.ts";
import { momentArgument } from "../moment-argument.ts";
import { ReplayScreen } from "../replay-screen.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";

interface ReplayFlags extends StoreFlags {
  readonly from?: RunMoment;
  readonly to?: RunMoment;
  readonly speed?: number;
  readonly maxPause: string;
}

/** Adds the command to the program. */
export function registerReplay(program: Command, cli: Cli): void {
  withStoreFlags(program.command("replay"))
    .description(
      "play a run again from its log; with --json one line per event, with what it changed",
    )
    .argument("<run>", "the run's id")
    .option("--from <moment>", "begin at this seq, or time", momentArgument)
    .option("--to <moment>", "end at this seq, or time", momentArgument)
    .option(
      "--speed <factor>",
      "10: ten times as fast as it happened (default: 1 on a terminal, else without waiting)",
      factor,
    )
    .option("--max-pause <duration>", "wait no longer than this between two events", "2s")
    .action((run: string, flags: ReplayFlags) => play(cli, run, flags));
}

function factor(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("It must be a number above zero.");
}

async function play(cli: Cli, run: string, flags: ReplayFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const { output } = cli;
  const { from, to, maxPause, speed = output.redraws && !settings.json ? 1 : undefined } = flags;
  await using millrace = await openExisting(settings);
  const events = millrace.replay(run, {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(speed === undefined ? {} : { speed }),
    maxPause,
    signal: output.gone,
  });
  const screen = settings.json ? undefined : new ReplayScreen(output, cli.clock);
  try {
    for await (const shown of events) {
      if (screen !== undefined) screen.take(shown);
      else {
        const { event, before, after } = shown;
        output.json({ event, diff: before === null ? null : diffStates(before, after) });
      }
    }
  } finally {
    await screen?.close();
  }
}
