/** `millrace run`: start a run of a workflow in a file, host it in this process, show how it goes. */
import type { Command } from "commander";
import type { RunHandle } from "../../client/run-handle.ts";
import { toFailure } from "../../events/failure.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import { type Millrace, open } from "../../runtime/open.ts";
import type { Workflow } from "../../workflow/definition.ts";
import type { Cli } from "../cli.ts";
import { exitCodeOf, exits, failureLines } from "../failures.ts";
import { jsonArgument } from "../json-argument.ts";
import { chooseWorkflow, loadWorkflows } from "../load-workflows.ts";
import { jsonText } from "../render.ts";
import { RunScreen } from "../run-screen.ts";
import { type Settings, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";
import { type Stop, stopSignals } from "../stop-signals.ts";
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
  const settings = settingsOf(flags, cli.env);
  const input = await jsonArgument("--input", flags.input);
  const voice = new Voice(cli, settings.json);
  routeConsole((text) => voice.say(text));
  const workflows = await loadWorkflows([file]);
  const workflow = chooseWorkflow(workflows, flags.workflow);
  const stop = stopSignals(cli.clock, (signal) =>
    voice.note(`${signal}: waits for running steps; once more ends this process at once`),
  );
  const logger = lineLogger((line) => voice.note(line), settings.json);
  const { store, namespace } = settings;
  const millrace = await open({ store, namespace, workflows, logger });
  try {
    const options = flags.id === undefined ? {} : { id: flags.id };
    const handle = await millrace.start(workflow.name, input, options);
    await follow(cli, { millrace, handle, stop, voice, settings });
  } finally {
    await millrace.close();
    stop.release();
  }
  if (stop.requested.aborted) leave(cli, file, stop);
}

interface Following {
  readonly millrace: Millrace;
  readonly handle: RunHandle<unknown>;
  readonly stop: Stop;
  readonly voice: Voice;
  readonly settings: Settings;
}
