/** The command line `millrace` without its process: arguments, output and exit code come and go through `Cli`. */
import { existsSync, readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { MillraceError } from "../kernel/errors.ts";
import type { Cli } from "./cli.ts";
import { registerApprovals } from "./commands/approvals.ts";
import { registerArchive } from "./commands/archive.ts";
import { registerCompare } from "./commands/compare.ts";
import { registerDeploy } from "./commands/deploy.ts";
import { registerDescribe } from "./commands/describe.ts";
import { registerDiff } from "./commands/diff.ts";
import { registerDoctor } from "./commands/doctor.ts";
import { registerErase } from "./commands/erase.ts";
import { registerEvents } from "./commands/events.ts";
import { registerExplain } from "./commands/explain.ts";
import { registerFailures } from "./commands/failures.ts";
import { registerFork } from "./commands/fork.ts";
import { registerGantt } from "./commands/gantt.ts";
import { registerLimits } from "./commands/limits.ts";
import { registerNodes } from "./commands/nodes.ts";
import { registerPlacements } from "./commands/placements.ts";
import { registerRebuild } from "./commands/rebuild.ts";
import { registerReplay } from "./commands/replay.ts";
import { registerRequests } from "./commands/request.ts";
import { registerRun } from "./commands/run.ts";
import { registerRuns } from "./commands/runs.ts";
import { registerSchedule } from "./commands/schedule.ts";
import { registerSearch } from "./commands/search.ts";
import { registerShow } from "./commands/show.ts";
import { registerSignal } from "./commands/signal.ts";
import { registerState } from "./commands/state.ts";
import { registerStepOrders } from "./commands/step.ts";
import { registerWorker } from "./commands/worker.ts";
import { exitCodeOf, failureLines, usageError } from "./failures.ts";

const EPILOGUE = `
Exit codes:
  0    done
  1    the run failed, was cancelled or terminated; doctor: a contract case failed;
       rebuild --verify: something saved was not true; check-upgrade: a run would break
  2    the command, its input or the file cannot be used
  3    the store cannot be reached, or not be used as it is
  4    there is no such run, or its state forbids what was asked
  70   a fault of millrace, or of code that escaped its step
  130, 143   ended by SIGINT, SIGTERM before it was done

Environment:
  MILLRACE_STORE   the store, where --store does not say
  NO_COLOR         no colours

Errors are written to stderr as CODE: message; docs/errors/CODE.md says more.`;

/** The whole command line. */
function programOf(cli: Cli): Command {
  const program = new Command("millrace")
    .description("durable workflows: run them, look at them, check the store they live in")
    .version(version())
    .addHelpText("after", EPILOGUE)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => cli.output.write(text),
      writeErr: (text) => cli.output.note(text.trimEnd()),
      // Refusals are thrown, and written like all other errors.
      outputError: () => undefined,
    });
  const commands = [registerRun, registerWorker, registerRuns, registerShow, registerEvents];
  const others = [
    registerExplain,
    registerDescribe,
    registerReplay,
    registerState,
    registerDiff,
    registerGantt,
    registerPlacements,
    registerNodes,
    registerLimits,
    registerSignal,
    registerApprovals,
    registerRequests,
    registerFailures,
    registerStepOrders,
    registerFork,
    registerCompare,
    registerArchive,
    registerErase,
    registerDeploy,
    registerSearch,
    registerSchedule,
    registerRebuild,
    registerDoctor,
  ];
  for (const register of [...commands, ...others]) register(program, cli);
  return program;
}

/** The engine relies on what this version brought; older ones fail somewhere deep, without a reason. */
const [MAJOR_MIN, MINOR_MIN] = [22, 13];

/** @throws MillraceError `E_OPTION_INVALID` under a Node that is too old */
function checkNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > MAJOR_MIN || (major === MAJOR_MIN && minor >= MINOR_MIN)) return;
  throw new MillraceError(
    "E_OPTION_INVALID",
    `millrace needs Node ${MAJOR_MIN}.${MINOR_MIN} or newer; this is ${process.version}`,
  );
}

/** Of package.json, which lies two folders up from the sources and three up from the built files. */
function version(): string {
  const found = ["../../package.json", "../../../package.json"]
    .map((path) => new URL(path, import.meta.url))
    .find((url) => existsSync(url));
  if (found === undefined) throw new Error("package.json of millrace is missing");
  return (JSON.parse(readFileSync(found, "utf8")) as { version: string }).version;
}

/**
 * Runs one command to its end, and leaves its exit code in `cli`. Throws nothing: errors are written.
 * @param argv as of a process: what runs it, and its file, come before the arguments
 */
export async function runCommand(argv: readonly string[], cli: Cli): Promise<void> {
  try {
    checkNode();
    await programOf(cli).parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    const shown = error instanceof CommanderError ? usageError(error) : error;
    // Help that nobody asked for has been written already: the command was missing.
    if (!(error instanceof CommanderError && error.code === "commander.help"))
      for (const line of failureLines(shown)) cli.output.note(line);
    cli.exitCode = exitCodeOf(shown);
  }
}
