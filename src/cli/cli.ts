/** The surroundings of a command, handed in so that nothing reaches for the process by itself. */
import type { Clock } from "../kernel/clock.ts";
import type { Output } from "./output.ts";

/** What every command gets: where to write, what time it is, where to leave its exit code. */
export interface Cli {
  readonly output: Output;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  /** What the process will exit with; a command that throws need not set it. */
  exitCode: number;
}
