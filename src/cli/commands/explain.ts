/** `millrace explain`: why a run is not finished, and who could change that. */
import type { Command } from "commander";
import type { Explanation } from "../../domain/explain.ts";
import type { KeptSignal } from "../../domain/wait.ts";
import type { Cli } from "../cli.ts";
import { duration, moment, table, visible } from "../render.ts";
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

function lines({ run, status, waits, kept }: Explanation, { clock, output }: Cli): string[] {
  if (waits.length === 0) return [`run ${run} has ended (${status}); it waits for nothing`];
  const now = clock.now();
  const rows = waits.map(({ what, since, until, by, next }) => [
    what,
    duration(now - since),
    until === null ? "" : moment(until),
    by,
    next,
  ]);
  const head = ["waits for", "since", "until", "ended by", "then"];
  return [...table([head, ...rows], output.paint), ...kept.map((one) => keptLine(one, now))];
}

function keptLine({ name, signal, since, decision }: KeptSignal, now: number): string {
  const what = decision === undefined ? "signal" : "decision about";
  return `${what} ${name} (${visible(signal)}) came ${duration(now - since)} ago and is kept: nothing waits for it yet`;
}
