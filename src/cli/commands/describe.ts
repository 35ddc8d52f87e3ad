/** `millrace describe` and `query`: what is known of a run, and what its workflow answers about it, without touching it. */
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { explainLines } from "../explain-lines.ts";
import { causeLines } from "../failures.ts";
import { jsonArgument } from "../json-argument.ts";
import { loadWorkflows } from "../load-workflows.ts";
import { jsonText } from "../render.ts";
import { headLines, stepLines } from "../run-lines.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";
import { restLines } from "../state-lines.ts";
import { routeConsole } from "../user-code-output.ts";

interface DescribeFlags extends StoreFlags {
  readonly items?: true;
}

interface QueryFlags extends StoreFlags {
  readonly code: string;
}

interface Asked {
  readonly run: string;
  readonly query: string;
  readonly args: string | undefined;
}

/** Adds the commands to the program. */
export function registerDescribe(program: Command, cli: Cli): void {
  withStoreFlags(program.command("describe"))
    .description(
      "all that is known of a run now: steps, waits, timers, signals, outputs, its inbox",
    )
    .argument("<run>", "the run's id")
    .option("--items", "list every item of mapped steps, not only those in trouble")
    .action((run: string, flags: DescribeFlags) => describe(cli, run, flags));
  withStoreFlags(program.command("query"))
    .description("ask a run what its workflow says can be asked; no worker is needed")
    .argument("<run>", "the run's id")
    .argument("<query>", "the query's name")
    .argument("[args]", "JSON, or @file")
    .requiredOption("--code <file>", "TypeScript or JavaScript file that exports the workflow")
    .action((run: string, query: string, args: string | undefined, flags: QueryFlags) =>
      ask(cli, { run, query, args }, flags),
    );
}

async function describe(cli: Cli, run: string, flags: DescribeFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  await using millrace = await openExisting(settings);
  const view = await millrace.describe(run);
  const { output } = cli;
  if (settings.json) return output.json(view);
  const now = cli.clock.now();
  const { paint } = output;
  const parts = [
    headLines(view, now, paint),
    stepLines(view, flags.items === true, now, paint),
    restLines(view, paint),
    view.untaken === 0
      ? []
      : ["", `${view.untaken} inputs in its inbox that no host has taken yet`],
    ["", ...explainLines(view.explanation, cli)],
    view.error === null ? [] : ["", ...causeLines(view.error)],
  ];
  for (const line of parts.flat()) output.print(line);
}

async function ask(cli: Cli, { run, query, args }: Asked, flags: QueryFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const { output } = cli;
  const given = await jsonArgument("args", args);
  // What the file prints while it is loaded is no answer.
  routeConsole((text) => output.note(text));
  const workflows = await loadWorkflows([flags.code]);
  await using millrace = await openExisting(settings, { workflows, worker: false });
  const answer = await millrace.query(run, query, given);
  if (settings.json) output.json(answer ?? null);
  else output.print(jsonText(answer ?? null, 2));
}
