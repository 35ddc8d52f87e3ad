/**
 * `millrace run`: start a run of a workflow in a file, or of a recorded scientific workflow, host it in
 * this process, show how it goes.
 */
import { readFile } from "node:fs/promises";
import { type Command, InvalidArgumentError } from "commander";
import type { StartOptions } from "../../client/starting/start-run.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { readInstance } from "../../wfformat/instance.ts";
import { measureReplay } from "../../wfformat/measure.ts";
import { costOf, replayOf } from "../../wfformat/replay.ts";
import type { Cli } from "../cli.ts";
import { hostAndFollow } from "../host-and-follow.ts";
import { jsonArgument } from "../json-argument.ts";
import { labels } from "../labels.ts";
import { chooseWorkflow, loadWorkflows } from "../load-workflows.ts";
import { replayLines } from "../replay-lines.ts";
import { RunReport } from "../run-report.ts";
import { type StoreFlags, settingsOf, wholeNumber, withStoreFlags } from "../settings.ts";
import { routeConsole } from "../user-code-output.ts";

interface RunFlags extends StoreFlags {
  readonly input?: string;
  readonly workflow?: string;
  readonly id?: string;
  readonly correlation?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly wfformat?: string;
  readonly slots?: number;
  readonly memory?: number;
  readonly scale?: number;
  readonly scaleBytes?: number;
}

/** Adds the command to the program. */
export function registerRun(program: Command, cli: Cli): void {
  withStoreFlags(program.command("run"))
    .description("start a run of a workflow in a file, host it here, and show how it goes")
    .argument("[file]", "TypeScript or JavaScript file that exports workflows")
    .option("--input <json>", "the run's input: JSON, or @file")
    .option("--workflow <name>", "which one, when the file exports several")
    .option("--id <id>", "the run's id: the same id and input again is the same run")
    .option("--correlation <key>", "signals to this key reach it: see `millrace signal`")
    .option("--label <name=value>", "to find it by: see `millrace search`; can be repeated", labels)
    .option("--wfformat <file>", "replay a recorded scientific workflow (WfFormat 1.5) instead")
    .option(
      "--slots <n>",
      "slots; a task takes one for each of its cores (default: the cores it was recorded on)",
      wholeNumber(1),
    )
    .option("--memory <bytes>", "memory that its tasks share; 0: any (default: as recorded)", share)
    .option("--scale <x>", "seconds here for a recorded second (default: 0.01)", share)
    .option("--scale-bytes <x>", "bytes here for a recorded byte of a file (default: 0)", share)
    .action((file: string | undefined, flags: RunFlags) =>
      flags.wfformat === undefined
        ? runFile(cli, file, flags)
        : runInstance(cli, flags.wfformat, { ...flags, ...(file === undefined ? {} : { file }) }),
    );
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number from 0.");
}

const OF_INSTANCES = ["slots", "memory", "scale", "scaleBytes"] as const;
const OF_FILES = ["file", "input", "workflow"] as const;

async function runFile(cli: Cli, file: string | undefined, flags: RunFlags): Promise<void> {
  if (file === undefined)
    throw unusable("file", "is missing; name a file of workflows, or --wfformat");
  const stray = OF_INSTANCES.find((name) => flags[name] !== undefined);
  if (stray !== undefined) throw unusable(stray, "needs --wfformat");
  const settings = settingsOf(flags, cli.env);
  const input = await jsonArgument("--input", flags.input);
  const report = new RunReport(cli, settings.json);
  routeConsole((text) => report.say(text));
  const workflows = await loadWorkflows([file]);
  const { name } = chooseWorkflow(workflows, flags.workflow);
  await hostAndFollow({
    cli,
    report,
    settings,
    options: { workflows },
    start: (millrace) => millrace.start(name, input, startOf(flags)),
    completed: (_events, output) => report.completed(output),
    goOn: `millrace worker ${file}`,
  });
}

async function runInstance(
  cli: Cli,
  path: string,
  flags: RunFlags & { readonly file?: string },
): Promise<void> {
  const stray = OF_FILES.find((name) => flags[name] !== undefined);
  if (stray !== undefined) throw unusable(stray, "does not go with --wfformat");
  const settings = settingsOf(flags, cli.env);
  const { scale = DEFAULT_SCALE, scaleBytes: byteScale = 0 } = flags;
  const instance = readInstance(await content(path));
  const slots = flags.slots ?? (instance.cores || DEFAULT_SLOTS);
  const memory = Math.ceil(flags.memory ?? instance.memoryBytes);
  const cost = costOf({ slots, memory });
  const { workflow, tasks } = replayOf(instance, { scale, byteScale, resources: cost });
  const report = new RunReport(cli, settings.json);
  await hostAndFollow({
    cli,
    report,
    settings,
    options: { workflows: [workflow], worker: { steps: slots }, resources: { memory } },
    start: (millrace) => millrace.start(workflow, null, startOf(flags)),
    completed(events) {
      const measures = measureReplay(events, tasks, { scale, slots });
      report.completed(measures, replayLines(measures, cli.output.paint));
    },
    goOn: "the same command with the same --id",
  });
}

const DEFAULT_SCALE = 0.01;
const DEFAULT_SLOTS = 64;

const startOf = ({ id, correlation, label }: RunFlags): StartOptions => ({
  ...(label === undefined ? {} : { labels: label }),
  ...(id === undefined ? {} : { id }),
  ...(correlation === undefined ? {} : { correlation }),
});

async function content(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    throw unusable("--wfformat", `the file ${path} cannot be read (${error.message})`, error);
  }
}

const unusable = (option: string, why: string, cause?: unknown): MillraceError =>
  new MillraceError("E_OPTION_INVALID", `${option} ${why}`, { details: { option }, cause });
