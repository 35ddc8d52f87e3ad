/**
 * `millrace rebuild`: throws away what is saved beside the log and folds it from the log again. With
 * `--verify` it also says whether what was saved was true, and exits with 1 if something was not.
 */
import type { Command } from "commander";
import type { RebuildProgress, Rebuilt } from "../../engine/reading/rebuild.ts";
import { MillraceError } from "../../kernel/errors.ts";
import type { Cursor } from "../../ports/cursor.ts";
import { bar } from "../bar.ts";
import type { Cli } from "../cli.ts";
import { exits } from "../failures.ts";
import { LiveRegion } from "../live-region.ts";
import { type Cell, duration, header } from "../render.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";
import { stopSignals } from "../stop-signals.ts";

interface RebuildFlags extends StoreFlags {
  readonly verify?: true;
}

/** Adds the command to the program. */
export function registerRebuild(program: Command, cli: Cli): void {
  withStoreFlags(program.command("rebuild"))
    .description("rebuild the run list and the index of outputs from the log")
    .option("--verify", "compare with what is saved first; exit with 1 if something differs")
    .action((flags: RebuildFlags) => rebuildAll(cli, flags));
}

async function rebuildAll(cli: Cli, flags: RebuildFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const { output, clock } = cli;
  const giveUp = new AbortController();
  const stop = stopSignals((signal) => giveUp.abort(givenUp(signal)));
  const began = clock.mono();
  let progress: RebuildProgress = { frames: 0, events: 0, position: 0, head: 0 };
  await using millrace = await openExisting(settings);
  const region = new LiveRegion(output, clock, () =>
    settings.json ? [] : [barLine(progress, clock.mono() - began)],
  );
  const options = {
    verify: flags.verify === true,
    signal: giveUp.signal,
    onProgress(now: RebuildProgress) {
      progress = now;
    },
  };
  try {
    const views = await millrace.rebuild(options).finally(() => region.close());
    const ms = clock.mono() - began;
    if (settings.json) output.json({ ...progress, ms: Math.round(ms), views });
    else report(cli, progress, ms, named(views, options.verify));
    if (views.some(({ saved }) => saved === "different")) cli.exitCode = exits.failed;
  } catch (error) {
    if (stop.exitCode === 0) throw error;
    output.note("given up; what was saved stays as it was");
    cli.exitCode = stop.exitCode;
  } finally {
    stop.release();
  }
}

function barLine({ position, head, events }: RebuildProgress, ms: number): string {
  const end = lengthOf(head);
  const share = end === 0 ? 0 : lengthOf(position) / end;
  return `${bar(share)}  ${events} events  ${rate(events, ms)}/s`;
}

/** How much of the log lies before a place in it, in whatever unit. */
const lengthOf = (place: Cursor): number =>
  typeof place === "number" ? place : place.reduce((sum, one) => sum + one, 0);

const rate = (events: number, ms: number): number =>
  Math.round(events / Math.max(ms / 1_000, 0.001));

function report(
  { output }: Cli,
  { events, frames }: RebuildProgress,
  ms: number,
  rows: readonly (readonly Cell[])[],
): void {
  output.table([header("PROJECTION", "VERSION", "BYTES", "SAVED COPY"), ...rows]);
  output.note(
    `${events} events in ${frames} frames, ${duration(ms)}, ${rate(events, ms)} events/s`,
  );
}

function named(views: readonly Rebuilt[], verified: boolean): readonly (readonly Cell[])[] {
  const outcomes: Readonly<Record<Rebuilt["saved"], Cell>> = {
    none: verified ? "there was none" : "replaced",
    same: { text: "was true", style: "green" },
    different: { text: "was not true, replaced", style: "red" },
  };
  return views.map(({ name, version, bytes, saved }) => [
    name,
    String(version),
    String(bytes),
    outcomes[saved],
  ]);
}

const givenUp = (signal: string): MillraceError =>
  new MillraceError("E_CTX_CLOSED", `${signal}: the rebuild was given up`);
