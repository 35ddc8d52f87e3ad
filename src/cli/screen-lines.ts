/** A run and its steps in few lines, to be drawn in place. */
import type { RunView } from "../client/looking/run-view.ts";
import type { Output } from "./output.ts";
import { duration, table, visible } from "./render.ts";
import { fitting, stepCells, stepHeader, stepRows } from "./step-rows.ts";

/** Lines besides the steps: the run's own, and the table's header. */
const HEAD_LINES = 2;

/** The run in one line, as of `now`. */
export function screenHead(view: RunView, now: number, output: Output): string {
  const { run, workflow, status, parkedReason, createdAt, endedAt } = view;
  const why = parkedReason === null ? "" : `: ${visible(parkedReason)}`;
  const since = duration((endedAt ?? now) - createdAt);
  return output.paint("bold", `run ${run}  ${workflow}  ${status}${why}  ${since}`);
}

/** The run and its steps in at most `max` lines, as of `now`. */
export function screenLines(view: RunView, now: number, max: number, output: Output): string[] {
  const { shown, rest } = fitting(stepRows(view), max - HEAD_LINES);
  const cells = shown.map((row) => stepCells(row, now));
  return [
    screenHead(view, now, output),
    ...(cells.length === 0 ? [] : table([stepHeader, ...cells], output.paint)),
    ...(rest === undefined ? [] : [output.paint("dim", rest)]),
  ];
}
