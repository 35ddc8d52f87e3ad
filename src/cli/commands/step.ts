/** `millrace retry`, `skip` and `fail`: say what becomes of one step of a run. */
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { jsonArgument } from "../json-argument.ts";
import { openExisting, settingsOf, wholeNumber } from "../settings.ts";
import { type WhoFlags, whoOf, withWhoFlags } from "./request.ts";

interface RetryFlags extends WhoFlags {
  readonly attempts?: number;
  readonly input?: string;
}

interface SkipFlags extends WhoFlags {
  readonly output?: string;
}

/** Adds the commands to the program. */
export function registerStepOrders(program: Command, cli: Cli): void {
  const about = (name: string, description: string): Command =>
    withWhoFlags(program.command(name))
      .description(description)
      .argument("<run>", "the run's id")
      .argument("<step>", "the step's id, as `millrace show RUN --items` has it");
  about("retry", "try a step again at once that is held, waits for its next attempt, or hangs")
    .option("--attempts <count>", "how many it gets (default: as its policy says)", wholeNumber(1))
    .option("--input <json>", "what it gets in place of its input: JSON, or @file")
    .action((run: string, step: string, flags: RetryFlags) => retry(cli, run, step, flags));
  about("skip", "go on without a step, with a given output in place of its result")
    .option("--output <json>", "JSON, or @file (default: null)")
    .action((run: string, step: string, flags: SkipFlags) => skip(cli, run, step, flags));
  about("fail", "let a held step fail, with what it was held for").action(
    (run: string, step: string, flags: WhoFlags) => fail(cli, run, step, flags),
  );
}

async function retry(cli: Cli, run: string, step: string, flags: RetryFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const { attempts } = flags;
  const input = await jsonArgument("--input", flags.input);
  await using millrace = await openExisting(settings);
  await millrace.retryStep(run, step, {
    ...whoOf(flags),
    ...(attempts === undefined ? {} : { attempts }),
    ...(input === undefined ? {} : { input }),
  });
  tell(cli, settings.json, { run, step, asked: "retry" }, "is to be tried again");
}

async function skip(cli: Cli, run: string, step: string, flags: SkipFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const output = await jsonArgument("--output", flags.output);
  await using millrace = await openExisting(settings);
  await millrace.skipStep(run, step, { ...whoOf(flags), output: output ?? null });
  tell(cli, settings.json, { run, step, asked: "skip" }, "is to be skipped");
}

async function fail(cli: Cli, run: string, step: string, flags: WhoFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  await using millrace = await openExisting(settings);
  await millrace.failStep(run, step, whoOf(flags));
  tell(cli, settings.json, { run, step, asked: "fail" }, "is to fail");
}

function tell(
  { output }: Cli,
  json: boolean,
  asked: { readonly run: string; readonly step: string; readonly asked: string },
  what: string,
): void {
  if (json) output.json(asked);
  else output.print(`step ${asked.step} of run ${asked.run} ${what}; its next host does it`);
}
