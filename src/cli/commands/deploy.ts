/**
 * `millrace check-upgrade`: which runs that are under way would not go on with new code; exits with 1 when
 * some would break. `millrace migrate`: moves one run to another version of its workflow.
 */
import type { Command } from "commander";
import type {
  RunUpgrade,
  UpgradeProgress,
  UpgradeReport,
} from "../../client/upgrading/check-upgrade.ts";
import { codeName, versionName } from "../../cluster/versions.ts";
import { MillraceError } from "../../kernel/errors.ts";
import type { Workflow } from "../../workflow/definition.ts";
import { bar } from "../bar.ts";
import type { Cli } from "../cli.ts";
import { exits } from "../failures.ts";
import { LiveRegion } from "../live-region.ts";
import { loadWorkflows } from "../load-workflows.ts";
import { type Cell, header, visible } from "../render.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";

interface CheckFlags extends StoreFlags {
  readonly workflow?: string;
}

interface MigrateFlags extends StoreFlags {
  readonly to?: string;
  readonly by?: string;
  readonly reason?: string;
}

/** Adds the commands to the program. */
export function registerDeploy(program: Command, cli: Cli): void {
  withStoreFlags(program.command("check-upgrade"))
    .description("say which runs would not go on with the workflows of some files; writes nothing")
    .argument("<files...>", "TypeScript or JavaScript files that export the workflows to come")
    .option("--workflow <name>", "only runs of this workflow")
    .action((files: string[], flags: CheckFlags) => check(cli, files, flags));
  withStoreFlags(program.command("migrate"))
    .description("move a run to another version of its workflow, if its history fits that")
    .argument("<run>", "the run's id")
    .argument("<files...>", "TypeScript or JavaScript files that export the version")
    .option("--to <version>", "which version, if the files have several of the run's workflow")
    .option("--by <who>", "who asks; recorded")
    .option("--reason <text>", "why; recorded")
    .action((run: string, files: string[], flags: MigrateFlags) => migrate(cli, run, files, flags));
}

async function check(cli: Cli, files: readonly string[], flags: CheckFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const { output, clock } = cli;
  const workflows = await loadWorkflows(files);
  await using millrace = await openExisting(settings);
  let progress: UpgradeProgress = { checked: 0, of: 0 };
  const region = new LiveRegion(output, clock, () => (settings.json ? [] : [line(progress)]));
  const onProgress = (now: UpgradeProgress): void => {
    progress = now;
  };
  const only = flags.workflow === undefined ? {} : { workflow: flags.workflow };
  const checking = millrace.checkUpgrade(workflows, { ...only, onProgress });
  const report = await checking.finally(() => region.close());
  if (settings.json) output.json(report);
  else tell(cli, report);
  if (report.breaks.length > 0) cli.exitCode = exits.failed;
}

const line = ({ checked, of }: UpgradeProgress): string =>
  `${bar(of === 0 ? 0 : checked / of)}  ${checked} of ${of} runs`;

const HEADER = header("RUN", "WORKFLOW", "VERSION", "AT", "BECOMES", "WHY");

function tell({ output }: Cli, { checked, goesOn, breaks, stays }: UpgradeReport): void {
  const row = (one: RunUpgrade, becomes: Cell): readonly Cell[] => [
    ...[one.run, one.workflow, one.version ?? "-", one.seq === null ? "-" : `event ${one.seq}`],
    becomes,
    visible(one.message),
  ];
  const rows = [
    ...breaks.map((one) => row(one, { text: "breaks", style: "red" })),
    ...stays.map((one) => row(one, { text: "waits", style: "yellow" })),
  ];
  if (rows.length > 0) output.table([HEADER, ...rows]);
  output.note(
    `${checked} runs: ${goesOn} go on, ${stays.length} wait for their version, ${breaks.length} break`,
  );
}

async function migrate(
  cli: Cli,
  run: string,
  files: readonly string[],
  flags: MigrateFlags,
): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const workflows = await loadWorkflows(files);
  await using millrace = await openExisting(settings);
  const { workflow } = await millrace.get(run);
  const to = choose(workflows, workflow, flags.to);
  const by = flags.by === undefined ? {} : { by: flags.by };
  const reason = flags.reason === undefined ? {} : { reason: flags.reason };
  await millrace.migrate(run, { to, ...by, ...reason });
  const version = versionName(to.plan);
  if (settings.json) cli.output.json({ run, workflow, version });
  else cli.output.print(`run ${run} goes on with ${codeName(workflow, to.plan)}`);
}

/** @throws MillraceError `E_VERSION_UNKNOWN`; `E_OPTION_INVALID` when there are several and none is named */
function choose(all: readonly Workflow[], name: string, version: string | undefined): Workflow {
  const versions = all.filter((one) => one.name === name);
  const named = versions.filter(({ plan }) => version === undefined || plan.label === version);
  const [only, ...others] = named;
  const have = versions.map(({ plan }) => versionName(plan)).join(", ") || "none";
  if (only === undefined) {
    const which = version === undefined ? "" : `version ${version} of `;
    throw new MillraceError(
      "E_VERSION_UNKNOWN",
      `the files have not ${which}workflow ${name}; versions they have: ${have}`,
      { details: { workflow: name } },
    );
  }
  if (others.length === 0) return only;
  throw new MillraceError(
    "E_OPTION_INVALID",
    `the files have several versions of workflow ${name}; choose one with --to: ${have}`,
    { details: { workflow: name } },
  );
}
