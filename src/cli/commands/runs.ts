/** `millrace runs`: one line per run, the newest first. */
import { type Command, Option } from "commander";
import type { ListOptions } from "../../client/list-runs.ts";
import { type RunStatus, type RunSummary, runStatuses } from "../../projections/run-summary.ts";
import type { Cli } from "../cli.ts";
import { type Cell, duration, moment, statusCell, table } from "../render.ts";
import {
  openExisting,
  type StoreFlags,
  settingsOf,
  wholeNumber,
  withStoreFlags,
} from "../settings.ts";

interface RunsFlags extends StoreFlags {
  readonly status?: RunStatus;
  readonly workflow?: string;
  readonly limit: number;
}

const LIMIT = 100;

/** Adds the command to the program. */
export function registerRuns(program: Command, cli: Cli): void {
  withStoreFlags(program.command("runs"))
    .description("list runs, the newest first")
    .addOption(new Option("--status <status>", "only those").choices(runStatuses))
    .option("--workflow <name>", "only of this workflow")
    .option("--limit <count>", "at most so many", wholeNumber(0), LIMIT)
    .action((flags: RunsFlags) => listRuns(cli, flags));
}

async function listRuns(cli: Cli, flags: RunsFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const { status, workflow, limit } = flags;
  const options: ListOptions = {
    limit,
    ...(status === undefined ? {} : { status }),
    ...(workflow === undefined ? {} : { workflow }),
  };
  await using millrace = await openExisting(settings);
  const runs = await millrace.list(options);
  const { output } = cli;
  if (settings.json) return output.json(runs);
  if (runs.length === 0) return output.note("no runs");
  const now = cli.clock.now();
  const rows = runs.map((run) => cellsOf(run, now));
  for (const line of table([HEADER, ...rows], output.paint)) output.print(line);
}

const HEADER: readonly Cell[] = [
  "RUN",
  "WORKFLOW",
  "STATUS",
  "STEPS",
  "CREATED",
  "DURATION",
  "NOTE",
].map((text) => ({ text, style: "dim" }));

function cellsOf(run: RunSummary, now: number): readonly Cell[] {
  return [
    run.run,
    run.workflow,
    statusCell(run.status),
    stepsText(run.steps),
    moment(run.createdAt),
    duration((run.endedAt ?? now) - run.createdAt),
    noteOf(run),
  ];
}

/** Only counts that are not zero; completed ones in any case. */
function stepsText({ completed, running, failed, retries }: RunSummary["steps"]): string {
  const parts = [
    `${completed} completed`,
    running > 0 ? `${running} running` : "",
    failed > 0 ? `${failed} failed` : "",
    retries > 0 ? `${retries} retries` : "",
  ];
  return parts.filter((part) => part !== "").join(", ");
}

function noteOf({ error, node, parkedReason, parkedUntil }: RunSummary): string {
  if (error !== null) return `${error.code}: ${error.message}`;
  if (parkedReason !== null && node === null) {
    return `${parkedReason}${parkedUntil === null ? "" : ` until ${moment(parkedUntil)}`}`;
  }
  return node === null ? "" : `on ${node}`;
}
