/** `millrace erase` and `prune`: what is not to be kept. Both ask for `--yes`, since nothing brings it back. */
import type { Command } from "commander";
import type { RetentionRule } from "../../client/history/prune-runs.ts";
import { isMillraceError, MillraceError } from "../../kernel/errors.ts";
import type { RunStatus } from "../../projections/run-summary.ts";
import { archiveTo } from "../../runtime/archive-to.ts";
import type { Millrace } from "../../runtime/open.ts";
import type { Erasure } from "../../stores/erasures.ts";
import type { Cli } from "../cli.ts";
import { moment, statusCell } from "../render.ts";
import {
  openExisting,
  type StoreFlags,
  settingsOf,
  wholeNumber,
  withStoreFlags,
} from "../settings.ts";

interface EraseFlags extends StoreFlags {
  readonly yes?: true;
  readonly reason?: string;
}

interface PruneFlags extends StoreFlags {
  readonly yes?: true;
  readonly workflow?: string;
  readonly status: readonly RunStatus[];
  readonly olderThan?: string;
  readonly keep?: number;
  readonly archive?: string;
}

/** Adds the commands to the program. */
export function registerErase(program: Command, cli: Cli): void {
  withStoreFlags(program.command("erase"))
    .description("erase a run and every trace of it for good; a proof without its content stays")
    .argument("<run>", "the run's id")
    .option("--yes", "really do it")
    .option("--reason <text>", "why; kept with the proof")
    .action((run: string, flags: EraseFlags) => erase(cli, run, flags));
  withStoreFlags(program.command("erasures"))
    .description("list the proofs of what was erased, the oldest first")
    .action((flags: StoreFlags) => erasures(cli, flags));
  const collect = (status: string, all: readonly string[]): string[] => [...all, status];
  withStoreFlags(program.command("prune"))
    .description("erase runs that have ended and are not to be kept; without --yes, list them")
    .option("--workflow <name>", "only runs of this workflow")
    .option("--status <status>", "only runs that ended so; can be repeated", collect, [])
    .option("--older-than <duration>", "only runs that ended longer ago: 30d, 12h")
    .option("--keep <count>", "all but so many of each workflow, the newest", wholeNumber(0))
    .option("--archive <folder>", "export each run into this folder first: RUN.jsonl")
    .option("--yes", "really do it")
    .action((flags: PruneFlags) => prune(cli, flags));
}

async function erase(cli: Cli, run: string, flags: EraseFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  await using millrace = await openExisting(settings);
  if (flags.yes === undefined) {
    const status = await statusOf(millrace, run);
    throw new MillraceError(
      "E_OPTION_INVALID",
      `run ${run} (${status}) would be gone for good; say --yes, after \`millrace export ${run}\` if in doubt`,
    );
  }
  const reason = flags.reason === undefined ? {} : { reason: flags.reason };
  const proof = await millrace.history.erase(run, { by: "command line", ...reason });
  if (settings.json) cli.output.json(proof);
  else cli.output.print(`run ${run} is erased: ${proof.events} events`);
}

/** A run whose log is damaged can be erased as well. */
async function statusOf(millrace: Millrace, run: string): Promise<string> {
  try {
    return (await millrace.get(run)).status;
  } catch (error) {
    const isDamaged =
      isMillraceError(error, "E_LOG_CORRUPT") || isMillraceError(error, "E_FRAME_INVALID");
    if (isDamaged) return "quarantined";
    throw error;
  }
}

async function erasures(cli: Cli, flags: StoreFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  await using millrace = await openExisting(settings);
  cli.output.list(await millrace.history.erasures(), settings.json, {
    none: "nothing was erased",
    rows: (proofs) => [PROOF, ...proofs.map(proofCells)],
  });
}

const PROOF = ["run", "workflow", "events", "asked", "gone", "by", "reason"];

const proofCells = ({ run, workflow, events, at, completedAt, by, reason }: Erasure): string[] => {
  const gone = completedAt === null ? "not yet: erase it again" : moment(completedAt);
  return [run, workflow, String(events), moment(at), gone, by, reason];
};

async function prune(cli: Cli, flags: PruneFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const rule: RetentionRule = {
    ...(flags.workflow === undefined ? {} : { workflow: flags.workflow }),
    ...(flags.status.length === 0 ? {} : { statuses: flags.status }),
    ...(flags.olderThan === undefined ? {} : { olderThan: flags.olderThan }),
    ...(flags.keep === undefined ? {} : { keep: flags.keep }),
  };
  await using millrace = await openExisting(settings);
  const { history } = millrace;
  const runs = await history.unwanted(rule);
  const done = flags.yes === true;
  const archive = flags.archive === undefined ? undefined : archiveTo(flags.archive);
  const count = done ? await history.prune(rule, archive) : runs.length;
  if (settings.json) return cli.output.json({ erased: done, runs: runs.map(({ run }) => run) });
  const rows = runs.map(({ run, workflow, status, updatedAt }) => [
    run,
    workflow,
    statusCell(status),
    moment(updatedAt),
  ]);
  const header = ["run", "workflow", "status", "ended"];
  cli.output.table([header, ...rows]);
  cli.output.note(`${count} runs ${done ? "erased" : "would be erased; say --yes"}`);
}
