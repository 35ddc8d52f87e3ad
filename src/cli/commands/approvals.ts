/** `millrace approve` and `reject`: decide what a run asks people; `approvals`: what waits for that. */
import type { Command } from "commander";
import type { PendingApproval, PendingOptions } from "../../client/telling/approvals.ts";
import type { Cli } from "../cli.ts";
import { type Cell, duration, header, moment, visible } from "../render.ts";
import {
  type ListFlags,
  openExisting,
  type StoreFlags,
  settingsOf,
  withListFlags,
  withStoreFlags,
} from "../settings.ts";
import { userName } from "../user-name.ts";

interface DecisionFlags extends StoreFlags {
  readonly by?: string;
  readonly comment?: string;
  readonly id?: string;
}

interface ApprovalsFlags extends ListFlags {
  readonly by?: string;
}

/** Adds the commands to the program. */
export function registerApprovals(program: Command, cli: Cli): void {
  for (const verb of ["approve", "reject"] as const) {
    withStoreFlags(program.command(verb))
      .description(`${verb} what a run asks people; the first decision counts`)
      .argument("<run>", "the run's id")
      .argument("<name>", "the approval's name, as `millrace approvals` lists it")
      .option("--by <name>", "who decides; kept in the run's log (default: the user's name)")
      .option("--comment <text>", "what to say to it; kept in the run's log")
      .option("--id <id>", "the decision's own id: sent again with the same one, it is taken once")
      .action((run: string, name: string, flags: DecisionFlags) =>
        decide(cli, verb, { run, name, flags }),
      );
  }
  withListFlags(program.command("approvals"))
    .description("list what runs wait for people to decide, the longest waiting first")
    .option("--by <name>", "only what this person may decide")
    .action((flags: ApprovalsFlags) => list(cli, flags));
}

interface Deciding {
  readonly run: string;
  readonly name: string;
  readonly flags: DecisionFlags;
}

async function decide(
  cli: Cli,
  verb: "approve" | "reject",
  { run, name, flags }: Deciding,
): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const { by = userName(), comment, id } = flags;
  await using millrace = await openExisting(settings);
  await millrace[verb](run, name, {
    by,
    ...(comment === undefined ? {} : { comment }),
    ...(id === undefined ? {} : { id }),
  });
  if (settings.json) cli.output.json({ run, approval: name, approved: verb === "approve", by });
  else {
    const done = verb === "approve" ? "approved" : "rejected";
    cli.output.print(`${name} of run ${run} is ${done} by ${visible(by)}; its next host takes it`);
  }
}

async function list(cli: Cli, flags: ApprovalsFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const { workflow, by, limit } = flags;
  const options: PendingOptions = {
    limit,
    ...(workflow === undefined ? {} : { workflow }),
    ...(by === undefined ? {} : { by }),
  };
  await using millrace = await openExisting(settings);
  const pending = await millrace.pendingApprovals(options);
  const now = cli.clock.now();
  cli.output.list(pending, settings.json, {
    none: "nothing waits for a decision",
    rows: (all) => [HEADER, ...all.map((one) => cellsOf(one, now))],
  });
}

const HEADER = header("RUN", "WORKFLOW", "NAME", "SINCE", "UNTIL", "WHO", "QUESTION");

function cellsOf(one: PendingApproval, now: number): readonly Cell[] {
  const { run, workflow, name, since, due, onTimeout, approvers, prompt } = one;
  return [
    run,
    workflow,
    name,
    duration(now - since),
    due === null ? "" : `${moment(due)}, then ${onTimeout}`,
    approvers?.join(", ") ?? "anybody",
    prompt,
  ];
}
