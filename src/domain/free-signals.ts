/** Signals that a run has taken from its inbox and that no wait has got: kept by name, the oldest first. */
import type { RunState } from "./state.ts";

/** A signal without a decision has come. */
export function keepSignal({ free }: RunState, name: string, signal: string): void {
  const ids = free.get(name);
  if (ids === undefined) free.set(name, new Set([signal]));
  else ids.add(signal);
}

/** A wait has got it. */
export function takeSignal({ free, run }: RunState, signal: string): void {
  const { signals, taken } = run.context;
  const { name = "" } = signals[taken[signal] ?? -1] ?? {};
  const ids = free.get(name);
  ids?.delete(signal);
  if (ids?.size === 0) free.delete(name);
}
