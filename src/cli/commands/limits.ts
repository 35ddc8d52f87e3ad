/** `millrace limits`: how full the limits of workflows are, and who waits longest under each. */
import type { Command } from "commander";
import type { WorkflowLimit } from "../../client/looking/limits.ts";
import type { Cli } from "../cli.ts";
import { type Cell, duration, header } from "../render.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";

interface LimitsFlags extends StoreFlags {
  readonly workflow?: string;
}

/** Adds the command to the program. */
export function registerLimits(program: Command, cli: Cli): void {
  withStoreFlags(program.command("limits"))
    .description("list limits by key: how many are at work or left, how many wait, the oldest")
    .option("--workflow <name>", "only of this workflow")
    .action((flags: LimitsFlags) => list(cli, flags));
}

async function list(cli: Cli, flags: LimitsFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const { workflow } = flags;
  await using millrace = await openExisting(settings);
  const found = await millrace.limits(workflow === undefined ? {} : { workflow });
  const now = cli.clock.now();
  cli.output.list(found, settings.json, {
    none: "no limit is in use",
    rows: (all) => [HEADER, ...all.map((one) => cellsOf(one, now))],
  });
}

const HEADER = header(
  "WORKFLOW",
  "LIMIT",
  "KEY",
  "USED",
  "LEFT",
  "NEXT TOKEN",
  "WAITING",
  "OLDEST",
  "FOR",
);

function cellsOf(one: WorkflowLimit, now: number): readonly Cell[] {
  const { workflow, name, key, limit, perMs, used, free, freeAt, waiting, oldest } = one;
  return [
    workflow,
    name,
    key,
    `${used} of ${limit}${perMs === null ? "" : ` per ${duration(perMs)}`}`,
    String(free),
    freeAt === null ? "" : `in ${duration(freeAt - now)}`,
    String(waiting),
    oldest?.run ?? "",
    oldest === null ? "" : duration(now - oldest.since),
  ];
}
