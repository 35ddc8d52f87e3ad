/** `millrace search`: runs by what they are, page by page, and how many there are of each status. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { SearchOptions } from "../../client/looking/search-runs.ts";
import { type RunStatus, runStatuses } from "../../projections/run-summary.ts";
import type { Cli } from "../cli.ts";
import { labels } from "../labels.ts";
import { timeArgument } from "../moment-argument.ts";
import { statusCell } from "../render.ts";
import { runRows } from "../run-rows.ts";
import {
  openExisting,
  type StoreFlags,
  settingsOf,
  wholeNumber,
  withStoreFlags,
} from "../settings.ts";

interface SearchFlags extends StoreFlags {
  readonly workflow?: string;
  readonly status: readonly RunStatus[];
  readonly label: Readonly<Record<string, string>>;
  readonly correlation?: string;
  readonly parent?: string;
  readonly failedStep?: string;
  readonly waiting?: string;
  readonly order: "created" | "updated";
  readonly limit: number;
  readonly cursor?: string;
  readonly createdFrom?: number;
  readonly createdUntil?: number;
  readonly count?: true;
  readonly index?: string;
}

const LIMIT = 50;

/** Adds the command to the program. */
export function registerSearch(program: Command, cli: Cli): void {
  withStoreFlags(program.command("search"))
    .description("search runs, the newest first; or count them by status")
    .option("--workflow <name>", "of this workflow")
    .option("--status <status>", "with this status; can be repeated", statuses, [])
    .option("--label <name=value>", "with this label; can be repeated", labels, {})
    .option("--correlation <key>", "started with this correlation key")
    .option("--parent <run>", "children of this run")
    .option("--failed-step <step>", "in which this step failed first, or is held")
    .option("--waiting <reason>", "that wait for this reason: 'waits for a signal', paused, held")
    .option("--created-from <time>", "created at or after this time", timeArgument)
    .option("--created-until <time>", "created before this time", timeArgument)
    .addOption(
      new Option("--order <order>", "by when they were created, or last touched")
        .choices(["created", "updated"])
        .default("created"),
    )
    .option("--limit <count>", "at most so many per page", wholeNumber(1), LIMIT)
    .option("--cursor <cursor>", "the page behind the one that ended with this cursor")
    .option("--count", "how many runs have which status, instead")
    .option("--index <path>", "keep the index in this file; by default it is made anew each time")
    .action((flags: SearchFlags) => search(cli, flags));
}

function statuses(status: string, all: readonly RunStatus[]): readonly RunStatus[] {
  const known = runStatuses.find((one) => one === status);
  if (known !== undefined) return [...all, known];
  throw new InvalidArgumentError(`Allowed choices are ${runStatuses.join(", ")}.`);
}

async function search(cli: Cli, flags: SearchFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const { output } = cli;
  await using millrace = await openExisting(settings, indexOf(flags));
  if (flags.count) {
    const { workflow } = flags;
    const counts = await millrace.count(workflow === undefined ? {} : { workflow });
    if (settings.json) return output.json(counts);
    const rows = Object.entries(counts).map(([status, runs]) => [statusCell(status), String(runs)]);
    output.table(rows);
    return;
  }
  const page = await millrace.search(optionsOf(flags));
  if (settings.json) return output.json(page);
  if (page.runs.length === 0) return output.note("no runs");
  output.table(runRows(page.runs, cli.clock.now()));
  if (page.next !== null) output.note(`there are more: --cursor ${page.next}`);
}

const indexOf = ({ index }: SearchFlags): { index?: string } =>
  index === undefined ? {} : { index };

function optionsOf(flags: SearchFlags): SearchOptions {
  const { workflow, correlation, parent, failedStep, waiting, cursor } = flags;
  const { order, limit, status, label, createdFrom, createdUntil } = flags;
  return {
    order,
    limit,
    ...(status.length === 0 ? {} : { statuses: status }),
    ...(Object.keys(label).length === 0 ? {} : { labels: label }),
    ...(workflow === undefined ? {} : { workflow }),
    ...(correlation === undefined ? {} : { correlation }),
    ...(parent === undefined ? {} : { parent }),
    ...(failedStep === undefined ? {} : { failedStep }),
    ...(waiting === undefined ? {} : { waiting }),
    ...(cursor === undefined ? {} : { cursor }),
    ...(createdFrom === undefined ? {} : { createdFrom }),
    ...(createdUntil === undefined ? {} : { createdUntil }),
  };
}
