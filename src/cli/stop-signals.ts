/** Ctrl-C and SIGTERM: the first asks to stop in order, the second ends the process at once. */
import { constants } from "node:os";
import type { Clock } from "../kernel/clock.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
export type StopSignal = (typeof SIGNALS)[number];

/**
 * Ctrl-C under npx arrives twice, from the terminal and from npm: what comes this soon after the
 * first one (ms) is the same wish.
 */
const ECHO_MS = 200;

export interface Stop {
  /** Aborts at the first signal. */
  readonly requested: AbortSignal;
  /** 128 + the number of the first signal, as shells count; 0 when none came. */
  readonly exitCode: number;
  /** Listens no more: signals do again what they do by default. */
  release(): void;
}

/** Listens for both signals. @param onFirst called at the first one, to say what happens now */
export function stopSignals(clock: Clock, onFirst: (signal: StopSignal) => void): Stop {
  const requested = new AbortController();
  let exitCode = 0;
  let since = 0;
  const listener = (signal: StopSignal): void => {
    if (!requested.signal.aborted) {
      exitCode = codeOf(signal);
      since = clock.mono();
      requested.abort();
      onFirst(signal);
    } else if (clock.mono() - since > ECHO_MS) process.exit(codeOf(signal));
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return {
    requested: requested.signal,
    get exitCode() {
      return exitCode;
    },
    release() {
      for (const signal of SIGNALS) process.off(signal, listener);
    },
  };
}

const codeOf = (signal: StopSignal): number => 128 + constants.signals[signal];
