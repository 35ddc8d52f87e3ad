/** What a replayed scientific workflow came to, as lines for people. */
import type { ReplayMeasures } from "../wfformat/measure.ts";
import { duration, type Paint, table } from "./render.ts";

/** A table of two columns: what, and how much. */
export function replayLines(measures: ReplayMeasures, paint: Paint): string[] {
  const { tasks, slots, makespanMs, peakSlots, peakMemoryBytes } = measures;
  const { criticalPathMs, workMs, lowerBoundMs, grahamBoundMs } = measures;
  const percent = (of: number): string =>
    of === 0 ? "-" : `${Math.round((100 * makespanMs) / of)} %`;
  const rows = [
    ["tasks", String(tasks)],
    ["makespan", duration(makespanMs)],
    ["critical path", duration(criticalPathMs)],
    ["work", `${duration(workMs)}, ${duration(workMs / slots)} on ${slots} slots`],
    ["no schedule is shorter", `${duration(lowerBoundMs)}; this one took ${percent(lowerBoundMs)}`],
    ["Graham's bound", `${duration(grahamBoundMs)}; this one took ${percent(grahamBoundMs)}`],
    ["most slots at once", `${peakSlots} of ${slots}`],
    ["most memory at once", `${(peakMemoryBytes / 1e6).toFixed(0)} MB`],
  ];
  return table(rows, paint);
}
