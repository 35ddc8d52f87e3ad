/** `millrace export` and `import`: runs as files of JSON lines, and back. */
import { createReadStream, createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import type { Imported } from "../../client/history/import-runs.ts";
import { open } from "../../runtime/open.ts";
import type { Cli } from "../cli.ts";
import {
  checkShared,
  openExisting,
  type StoreFlags,
  settingsOf,
  storeIn,
  withStoreFlags,
} from "../settings.ts";
import { usable } from "../user-file.ts";

interface ExportFlags extends StoreFlags {
  readonly file?: string;
  readonly ancestors: boolean;
  readonly children: boolean;
}

/** Adds the commands to the program. */
export function registerArchive(program: Command, cli: Cli): void {
  withStoreFlags(program.command("export"))
    .description("write a run as JSON lines: its events and its large values")
    .argument("<run>", "the run's id")
    .option("--file <path>", "where to; by default to the standard output")
    .option("--no-ancestors", "without the runs that it branched off")
    .option("--no-children", "without the runs that it waits for, or that go on for it")
    .action((run: string, flags: ExportFlags) => exportRun(cli, run, flags));
  withStoreFlags(program.command("import"))
    .description("take up runs that were exported, in the state in which they were")
    .argument("<file>", "what `millrace export` wrote; - for the standard input")
    .action((file: string, flags: StoreFlags) => importRuns(cli, file, flags));
}

async function exportRun(cli: Cli, run: string, flags: ExportFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  await using millrace = await openExisting(settings);
  // A run that does not exist must not leave an empty file.
  await millrace.get(run);
  const lines = millrace.history.export(run, {
    ancestors: flags.ancestors,
    children: flags.children,
  });
  const { file } = flags;
  if (file === undefined) {
    for await (const line of lines) cli.output.print(line);
    return;
  }
  const text = Readable.from(withEnds(lines));
  await usable(file, pipeline(text, createWriteStream(file, { mode: 0o600 })));
  if (settings.json) cli.output.json({ run, file });
  else cli.output.print(`run ${run} is in ${file}`);
}

async function* withEnds(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines) yield `${line}\n`;
}

async function importRuns(cli: Cli, file: string, flags: StoreFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  checkShared(settings.store);
  // The store may well be a new one.
  await using millrace = await open(storeIn(settings));
  const input = file === "-" ? process.stdin : createReadStream(file);
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  const runs = await usable(file, millrace.history.import(lines));
  if (settings.json) return cli.output.json(runs);
  const rows = runs.map((one) => [one.run, one.workflow, String(one.events), outcomeOf(one)]);
  const header = ["run", "workflow", "events", ""];
  cli.output.table([header, ...rows]);
}

function outcomeOf({ created, part, lacks }: Imported): string {
  const done = created ? "imported" : "was there already";
  const lacking = lacks.length === 0 ? "" : `; lacks ${lacks.join(", ")}`;
  return `${done}${part ? ", as a part: it does not go on here" : ""}${lacking}`;
}
