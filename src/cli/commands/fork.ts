/** `millrace fork` and `rerun`: a new run that goes on where another one was, with something changed. */
import type { Command } from "commander";
import type { Decision } from "../../../machines/approval.ts";
import type { ForkOptions, ForkSignal } from "../../client/forking/fork-options.ts";
import type { RunHandle } from "../../client/run-handle.ts";
import { MillraceError } from "../../kernel/errors.ts";
import type { Millrace } from "../../runtime/open.ts";
import type { Cli } from "../cli.ts";
import { jsonArgument } from "../json-argument.ts";
import { labels } from "../labels.ts";
import { chooseWorkflow, loadWorkflows } from "../load-workflows.ts";
import {
  openExisting,
  type StoreFlags,
  settingsOf,
  wholeNumber,
  withStoreFlags,
} from "../settings.ts";

interface BranchFlags extends StoreFlags {
  readonly id?: string;
  readonly input?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly code?: string;
  readonly allowIrreversible?: true;
}

interface ForkFlags extends BranchFlags {
  readonly at?: number;
  readonly signal?: string;
  readonly decide?: string;
  readonly result: readonly string[];
}

interface RerunFlags extends BranchFlags {
  readonly from?: string;
}

/** Adds the commands to the program. */
export function registerFork(program: Command, cli: Cli): void {
  const collect = (value: string, all: readonly string[]): string[] => [...all, value];
  withBranchFlags(program.command("fork"))
    .description("start a run that goes on where another one was, with something changed")
    .argument("<run>", "the id of the run to branch off; it stays as it is")
    .option(
      "--at <seq>",
      "the last event to take over; by default right before what is changed",
      wholeNumber(1),
    )
    .option("--result <step=json>", "what a step returned instead; can be repeated", collect, [])
    .option("--signal <name=json>", "a signal that was received instead")
    .option("--decide <name=json>", 'what was decided instead: ship={"approved":true,"by":"ada"}')
    .action((run: string, flags: ForkFlags) => forkRun(cli, run, flags));
  withBranchFlags(program.command("rerun"))
    .description("do a step, and what depends on it, again: in a new run that keeps the rest")
    .argument("<run>", "the run's id; it stays as it is")
    .option("--from <step>", "the step from which on; by default the one that failed")
    .action((run: string, flags: RerunFlags) => rerun(cli, run, flags));
}

const withBranchFlags = (command: Command): Command =>
  withStoreFlags(command)
    .option("--input <json>", "another input: JSON, or @file")
    .option("--label <name=value>", "other labels; can be repeated", labels)
    .option("--code <file>", "other code: the file that exports the workflow")
    .option("--id <id>", "the new run's id: the same id and fork again is the same run")
    .option("--allow-irreversible", "steps that cannot be taken back may be done again");

async function forkRun(cli: Cli, run: string, flags: ForkFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const signal = await signalOf(flags);
  const results = await Promise.all(flags.result.map((text) => pair("--result", text)));
  await using millrace = await openExisting(settings);
  const options: ForkOptions = {
    ...(await branchOptions(millrace, run, flags)),
    ...(flags.at === undefined ? {} : { seq: flags.at }),
    ...(signal === undefined ? {} : { signal }),
    ...(results.length === 0 ? {} : { results: Object.fromEntries(results) }),
  };
  await tell(cli, settings.json, run, await millrace.fork(run, options));
}

/** @throws MillraceError `E_OPTION_INVALID` when both are given */
async function signalOf({ signal, decide }: ForkFlags): Promise<ForkSignal | undefined> {
  if (signal !== undefined && decide !== undefined) {
    throw new MillraceError("E_OPTION_INVALID", "give --signal or --decide, not both");
  }
  if (decide !== undefined) {
    const [name, decision] = await pair("--decide", decide);
    return { name, decision: decision as Decision };
  }
  if (signal === undefined) return undefined;
  const [name, payload] = await pair("--signal", signal);
  return { name, payload };
}

async function rerun(cli: Cli, run: string, flags: RerunFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const from = flags.from === undefined ? {} : { from: flags.from };
  await using millrace = await openExisting(settings);
  const options = { ...(await branchOptions(millrace, run, flags)), ...from };
  await tell(cli, settings.json, run, await millrace.rerun(run, options));
}

async function branchOptions(
  millrace: Millrace,
  run: string,
  { id, input, label, code, allowIrreversible }: BranchFlags,
): Promise<Pick<ForkOptions, "id" | "input" | "labels" | "workflow" | "allowIrreversible">> {
  const name = code === undefined ? undefined : (await millrace.get(run)).workflow;
  return {
    ...(label === undefined ? {} : { labels: label }),
    ...(code === undefined ? {} : { workflow: chooseWorkflow(await loadWorkflows([code]), name) }),
    ...(id === undefined ? {} : { id }),
    ...(allowIrreversible === undefined ? {} : { allowIrreversible }),
    ...(input === undefined ? {} : { input: await jsonArgument("--input", input) }),
  };
}

/** @throws MillraceError `E_OPTION_INVALID` when there is no name before an equals sign */
async function pair(
  option: string,
  text: string,
): Promise<readonly [name: string, value: unknown]> {
  const at = text.indexOf("=");
  if (at < 1) {
    throw new MillraceError("E_OPTION_INVALID", `${option} ${text}: write it as name=json`);
  }
  return [text.slice(0, at), await jsonArgument(option, text.slice(at + 1))];
}

async function tell(cli: Cli, json: boolean, run: string, fork: RunHandle<unknown>): Promise<void> {
  const { status, forkOf } = await fork.get();
  if (json) return cli.output.json({ run: fork.id, status, forkOf });
  cli.output.print(`run ${fork.id} goes on where run ${run} was behind event ${forkOf?.seq}`);
}
