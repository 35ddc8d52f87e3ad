#!/usr/bin/env node
/** The command `millrace` as a process: reads the arguments, runs one command, and exits with what came of it. */
import { systemClock } from "../kernel/clock.ts";
import type { Cli } from "./cli.ts";
import { exits, failureLines } from "./failures.ts";
import { Output } from "./output.ts";
import { runCommand } from "./program.ts";

const cli: Cli = {
  output: new Output(process.stdout, process.stderr, process.env),
  env: process.env,
  clock: systemClock(),
  exitCode: exits.ok,
};
// Code of the user's that escapes its step ends the process, as under plain node, but not with 1.
process.on("uncaughtException", (error) => {
  for (const line of failureLines(error)) cli.output.note(line);
  process.exit(exits.internal);
});
await runCommand(process.argv, cli);
await cli.output.flush();
// Whatever the user's file left open must not keep a finished command alive.
process.exit(cli.exitCode);
