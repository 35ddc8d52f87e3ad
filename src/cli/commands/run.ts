/** `millrace run`: start a run of a workflow in a file, host it in this process, show how it goes. */
import type { Command } from "commander";
import type { RunHandle } from "../../client/run-handle.ts";
import { type EventType, RUN_ENDS } from "../../events/vocabulary.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import { open } from "../../runtime/open.ts";
import type { Cli } from "../cli.ts";
import { jsonArgument } from "../json-argument.ts";
import { chooseWorkflow, loadWorkflows } from "../load-workflows.ts";
import { visible } from "../render.ts";
import { RunReport } from "../run-report.ts";
import { endsWithProcess, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";
import { stopSignals } from "../stop-signals.ts";
import { lineLogger, routeConsole } from "../user-code-output.ts";

interface RunFlags extends StoreFlags {
  readonly input?: string;
  readonly workflow?: string;
  readonly id?: string;
}

/** Adds the command to the program. */
export function registerRun(program: Command, cli: Cli): void {
  withStoreFlags(program.command("run"))
    .description("start a run of a workflow in a file, host it here, and show how it goes")
    .argument("<file>", "TypeScript or JavaScript file that exports workflows")
    .option("--input <json>", "the run's input: JSON, or @file")
    .option("--workflow <name>", "which one, when the file exports several")
    .option("--id <id>", "the run's id: the same id and input again is the same run")
    .action((file: string, flags: RunFlags) => runFile(cli, file, flags));
}

async function runFile(cli: Cli, file: string, flags: RunFlags): Promise<void> {
  const { store, namespace, json } = settingsOf(flags, cli.env);
  const input = await jsonArgument("--input", flags.input);
  const report = new RunReport(cli, json);
  routeConsole((text) => report.say(text));
  const workflows = await loadWorkflows([file]);
  const { name } = chooseWorkflow(workflows, flags.workflow);
  const logger = lineLogger((line) => report.note(line), json);
  const millrace = await open({ store, namespace, workflows, logger });
  const stop = stopSignals((signal) =>
    report.note(`${signal}: waiting for running steps; once more ends this process at once`),
  );
  let handle: RunHandle<unknown>;
  let ended: Promise<boolean>;
  try {
    handle = await millrace.start(name, input, flags.id === undefined ? {} : { id: flags.id });
    ended = follow(handle, report);
    await Promise.race([ended, stop.asked]);
  } finally {
    await millrace.close();
    stop.release();
  }
  if (await ended) return;
  cli.exitCode = stop.exitCode;
  const fate = endsWithProcess(store)
    ? "its store ends with this process"
    : `it goes on when a process hosts it again: millrace worker ${file}`;
  report.note(`run ${handle.id} has not ended; ${visible(fate)}`);
}

/**
 * Reports the run to its end. False: the store was closed before.
 * @throws MillraceError `E_RUN_FAILED`, `E_RUN_CANCELLED`, `E_RUN_TERMINATED`
 */
async function follow(handle: RunHandle<unknown>, report: RunReport): Promise<boolean> {
  report.begin(handle.id);
  try {
    let last: EventType | undefined;
    for await (const event of handle.events()) {
      report.event(event);
      last = event.type;
    }
    if (last === undefined || !RUN_ENDS.has(last)) return false;
    const output = await handle.result();
    await report.end();
    report.completed(output);
    return true;
  } catch (error) {
    if (isMillraceError(error, "E_STORE_CLOSED")) return false;
    if (isMillraceError(error, "E_RUN_FAILED")) report.failed("failed", error);
    if (isMillraceError(error, "E_RUN_CANCELLED")) report.failed("cancelled", error);
    if (isMillraceError(error, "E_RUN_TERMINATED")) report.failed("terminated", error);
    throw error;
  } finally {
    await report.end();
  }
}
