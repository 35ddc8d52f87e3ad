/** What every command gets: where to write, what time it is, and where to leave its exit code. */
import type { Clock } from "../kernel/clock.ts";
import type { Output } from "./output.ts";

export interface Cli {
  readonly output: Output;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  /** What the process will exit with; a command that throws need not set it. */
  exitCode: number;
}
