/** One sweep of a host: what runs, gates and schedules need and may have lost is given back to them. */
import type { RunSummary } from "../../projections/run-summary.ts";
import { type TendOptions, tendGates } from "../records/tend-gates.ts";
import { restoreSchedules, type TendSchedulesOptions } from "../records/tend-schedules.ts";
import { type SweepOptions, sweep } from "./sweep.ts";

/** What it takes to sweep. */
export interface SweepAllOptions
  extends Omit<SweepOptions, "aheadMs" | "mayHave">,
    TendOptions,
    TendSchedulesOptions {
  /** About how long it is to the next sweep. */
  readonly sweepEveryMs: number;
}

/** Timers that are due this soon are looked after by a sweep, whatever comes between it and the next. */
const SWEPT_AHEAD_MS = 60_000;

/** See above. Doing it again, here or in another process, changes nothing. */
export async function sweepAll(options: SweepAllOptions): Promise<void> {
  const { catalog, sweepEveryMs } = options;
  const aheadMs = Math.max(SWEPT_AHEAD_MS, 2 * sweepEveryMs);
  const mayHave = ({ workflow, version }: RunSummary): boolean =>
    version !== null && catalog.mayHave(workflow, version);
  await sweep({ ...options, aheadMs, mayHave });
  await tendGates(options);
  await restoreSchedules(options, aheadMs);
}
