/** Ctrl-C and SIGTERM: the first asks to stop in order, the second ends the process at once. */
import { constants } from "node:os";
import { deferred } from "../kernel/async.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
/** What asks a process to stop. */
export type StopSignal = (typeof SIGNALS)[number];

/** Whether somebody asked, and what to exit with then. */
export interface Stop {
  /** Resolves at the first signal. */
  readonly asked: Promise<void>;
  /** 128 + the number of the first signal, as shells count; 0 as long as none came. */
  readonly exitCode: number;
  /** Listens no more: signals do again what they do by default. */
  release(): void;
}

/** Listens for both signals. @param onFirst called at the first one, to say what happens now */
export function stopSignals(onFirst: (signal: StopSignal) => void): Stop {
  const asked = deferred<void>();
  let exitCode = 0;
  const listener = (signal: StopSignal): void => {
    if (exitCode === 0) {
      exitCode = codeOf(signal);
      onFirst(signal);
      asked.resolve();
    } else process.exit(codeOf(signal));
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return {
    asked: asked.promise,
    get exitCode() {
      return exitCode;
    },
    release() {
      for (const signal of SIGNALS) process.off(signal, listener);
    },
  };
}

const codeOf = (signal: StopSignal): number => 128 + constants.signals[signal];
