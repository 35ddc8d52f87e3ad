/** Runs as rows of a table: one line each, below a header. */
import type { RunSummary } from "../projections/run-summary.ts";
import { type Cell, duration, header, moment, statusCell } from "./render.ts";

/** The header, and a row per run. @param now ms since the epoch */
export const runRows = (runs: readonly RunSummary[], now: number): readonly (readonly Cell[])[] => [
  HEADER,
  ...runs.map((run) => cellsOf(run, now)),
];

const HEADER = header("RUN", "WORKFLOW", "STATUS", "STEPS", "CREATED", "DURATION", "NOTE");

function cellsOf(run: RunSummary, now: number): readonly Cell[] {
  return [
    run.run,
    run.workflow,
    statusCell(run.status),
    stepsText(run.steps),
    moment(run.createdAt),
    duration((run.endedAt ?? now) - run.createdAt),
    noteOf(run),
  ];
}

/** Only counts that are not zero; completed ones in any case. */
function stepsText({ completed, running, failed, retries }: RunSummary["steps"]): string {
  const parts = [
    `${completed} completed`,
    running > 0 ? `${running} running` : "",
    failed > 0 ? `${failed} failed` : "",
    retries > 0 ? `${retries} retries` : "",
  ];
  return parts.filter((part) => part !== "").join(", ");
}

function noteOf({ error, node, parkedReason, parkedUntil }: RunSummary): string {
  if (error !== null) return `${error.code}: ${error.message}`;
  if (parkedReason !== null && node === null) {
    return `${parkedReason}${parkedUntil === null ? "" : ` until ${moment(parkedUntil)}`}`;
  }
  return node === null ? "" : `on ${node}`;
}
