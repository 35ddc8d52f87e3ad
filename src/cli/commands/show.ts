/** `millrace show`: one run with its steps, what failed, and what it returned. */
import type { Command } from "commander";
import type { RunView } from "../../client/run-view.ts";
import type { Wait } from "../../domain/wait.ts";
import type { Cli } from "../cli.ts";
import { valueText } from "../event-text.ts";
import { causeLines } from "../failures.ts";
import { duration, jsonText, moment, type Paint, statusCell, table, visible } from "../render.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";
import { type StepRow, stepCells, stepHeader, stepRows } from "../step-rows.ts";

interface ShowFlags extends StoreFlags {
  readonly items?: true;
}

/** Adds the command to the program. */
export function registerShow(program: Command, cli: Cli): void {
  withStoreFlags(program.command("show"))
    .description("show a run: its steps, timings, errors and result")
    .argument("<run>", "the run's id")
    .option("--items", "list every item of mapped steps, not only those in trouble")
    .action((run: string, flags: ShowFlags) => showRun(cli, run, flags));
}

async function showRun(cli: Cli, run: string, flags: ShowFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  await using millrace = await openExisting(settings);
  const view = await millrace.get(run);
  const { waits } = await millrace.explain(run);
  const completed = view.status === "completed";
  const result = completed ? { result: await millrace.result(run) } : {};
  const { output } = cli;
  if (settings.json) return output.json({ ...view, waits, ...result });
  const now = cli.clock.now();
  for (const line of headLines(view, now, output.paint)) output.print(line);
  const rows = listed(view, flags.items === true).map((row) => stepCells(row, now));
  if (rows.length > 0) output.print("");
  for (const line of rows.length > 0 ? table([stepHeader, ...rows], output.paint) : [])
    output.print(line);
  for (const line of waitLines(waits, now)) output.print(line);
  if (view.error !== null) for (const line of ["", ...causeLines(view.error)]) output.print(line);
  if (completed) for (const line of ["", jsonText(result.result, 2)]) output.print(line);
}

function headLines(view: RunView, now: number, paint: Paint): string[] {
  const labels = Object.entries(view.labels).map(([name, value]) => `${name}=${value}`);
  const facts: [string, string | undefined][] = [
    ["workflow", view.workflow],
    ["created", moment(view.createdAt)],
    ["duration", duration((view.endedAt ?? now) - view.createdAt)],
    ["host", view.endedAt === null && view.node !== null ? view.node : undefined],
    ["epoch", view.epoch > 1 ? `${view.epoch} (taken up ${view.epoch} times)` : undefined],
    ["fork of", view.forkOf === null ? undefined : `${view.forkOf.run}, event ${view.forkOf.seq}`],
    ["labels", labels.length > 0 ? labels.join(" ") : undefined],
    ["events", String(view.seq)],
    ["input", valueText(view.input)],
  ];
  return table(
    [
      ["run", view.run],
      ["status", statusCell(view.status)],
      ...facts.flatMap(([name, fact]) => (fact === undefined ? [] : [[name, fact]])),
    ],
    paint,
  );
}

/** What a run that has not ended waits for, one line each, below an empty one. */
function waitLines(waits: readonly Wait[], now: number): string[] {
  if (waits.length === 0) return [];
  return [
    "",
    "waits",
    ...waits.map(({ what, since, until, by }) => {
      const end = until === null ? "" : `, until ${moment(until)}`;
      return visible(`  ${what}, for ${duration(now - since)}${end}; ended by ${by}`);
    }),
  ];
}

const TROUBLED: ReadonlySet<string> = new Set(["failed", "held", "retrying"]);

/** Steps, each followed by its items: all of them, or those in trouble. */
function listed(view: RunView, all: boolean): StepRow[] {
  const counted = new Map(stepRows(view).map((row) => [row.facts.step, row]));
  return view.steps.flatMap((facts) => {
    const row = counted.get(facts.step);
    if (row !== undefined) return [row];
    return all || TROUBLED.has(facts.status) ? [{ facts, counts: undefined }] : [];
  });
}
