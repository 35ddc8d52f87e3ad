/** `millrace failures`: everything that somebody should look at, with its reason. */
import type { Command } from "commander";
import type { Trouble } from "../../client/looking/failures.ts";
import type { Cli } from "../cli.ts";
import { type Cell, duration, header, moment, statusCell } from "../render.ts";
import { type ListFlags, openExisting, settingsOf, withListFlags } from "../settings.ts";

/** Adds the command to the program. */
export function registerFailures(program: Command, cli: Cli): void {
  withListFlags(program.command("failures"))
    .description("list held steps, runs that cannot go on and runs that failed, the newest first")
    .action((flags: ListFlags) => list(cli, flags));
}

async function list(cli: Cli, flags: ListFlags): Promise<void> {
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

const HEADER = header("KIND", "RUN", "STEP", "WORKFLOW", "SINCE", "AGE", "REASON");

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
