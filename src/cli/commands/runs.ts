/** `millrace runs`: one line per run, the newest first. */
import { type Command, Option } from "commander";
import type { ListOptions } from "../../client/looking/list-runs.ts";
import { type RunStatus, runStatuses } from "../../projections/run-summary.ts";
import type { Cli } from "../cli.ts";
import { runRows } from "../run-rows.ts";
import { type ListFlags, openExisting, settingsOf, withListFlags } from "../settings.ts";

interface RunsFlags extends ListFlags {
  readonly status?: RunStatus;
}

/** Adds the command to the program. */
export function registerRuns(program: Command, cli: Cli): void {
  withListFlags(program.command("runs"))
    .description("list runs, the newest first")
    .addOption(new Option("--status <status>", "only those").choices(runStatuses))
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
  cli.output.list(runs, settings.json, {
    none: "no runs",
    rows: (all) => runRows(all, cli.clock.now()),
  });
}
