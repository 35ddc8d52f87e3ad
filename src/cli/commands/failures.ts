/** `millrace failures`: everything that somebody should look at, with its reason. */
import type { Command } from "commander";
import type { Trouble } from "../../client/looking/failures.ts";
import type { Cli } from "../cli.ts";
import { type Cell, duration, moment, statusCell } from "../render.ts";
import {
  openExisting,
  type StoreFlags,
  settingsOf,
  wholeNumber,
  withStoreFlags,
} from "../settings.ts";

interface FailuresFlags extends StoreFlags {
  readonly workflow?: string;
  readonly limit: number;
}

const LIMIT = 100;

/** Adds the command to the program. */
export function registerFailures(program: Command, cli: Cli): void {
  withStoreFlags(program.command("failures"))
    .description("list held steps, runs that cannot go on and runs that failed, the newest first")
    .option("--workflow <name>", "only of this workflow")
    .option("--limit <count>", "at most so many", wholeNumber(0), LIMIT)
    .action((flags: FailuresFlags) => list(cli, flags));
}

async function list(cli: Cli, flags: FailuresFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const { workflow, limit } = flags;
  await using millrace = await openExisting(settings);
  const found = await millrace.failures({ limit, ...(workflow === undefined ? {} : { workflow }) });
  const now = cli.clock.now();
  cli.output.list(found, settings.json, {
    none: "no failures",
    rows: (all) => [HEADER, ...all.map((one) => cellsOf(one, now))],
  });
}

const HEADER: readonly Cell[] = ["KIND", "RUN", "STEP", "WORKFLOW", "SINCE", "AGE", "REASON"].map(
  (text) => ({ text, style: "dim" }),
);

function cellsOf(trouble: Trouble, now: number): readonly Cell[] {
  const { kind, run, step, workflow, since, until, error } = trouble;
  const again = until === null ? "" : `; looked at again ${moment(until)}`;
  return [
    statusCell(kind),
    run,
    step ?? "",
    workflow,
    moment(since),
    duration(now - since),
    `${error.code}: ${error.message}${again}`,
  ];
}
