/** A run and its steps, as `show` and `state` print them. */
import type { RunView } from "../client/looking/run-view.ts";
import { valueText } from "./event-text.ts";
import { duration, moment, type Paint, statusCell, table } from "./render.ts";
import { type StepRow, stepCells, stepHeader, stepRows } from "./step-rows.ts";

/** What the run is, fact by fact. */
export function headLines(view: RunView, now: number, paint: Paint): string[] {
  const labels = Object.entries(view.labels).map(([name, value]) => `${name}=${value}`);
  const facts: [string, string | undefined][] = [
    ["workflow", view.workflow],
    ["created", moment(view.createdAt)],
    ["duration", duration((view.endedAt ?? now) - view.createdAt)],
    ["host", view.endedAt === null && view.node !== null ? view.node : undefined],
    ["epoch", view.epoch > 1 ? `${view.epoch} (taken up ${view.epoch} times)` : undefined],
    ["fork of", view.forkOf === null ? undefined : `${view.forkOf.run}, event ${view.forkOf.seq}`],
    ["child of", view.parent === null ? undefined : `${view.parent.run}, step ${view.parent.step}`],
    [
      "tick",
      view.tick === null ? undefined : `${moment(view.tick.at)} of schedule ${view.tick.schedule}`,
    ],
    ["goes on for", view.chain === null ? undefined : placeText(view.chain)],
    ["goes on as", view.next ?? undefined],
    ["labels", labels.length > 0 ? labels.join(" ") : undefined],
    ["correlation", view.correlation ?? undefined],
    ["events", String(view.seq)],
    ["input", valueText(view.input)],
  ];
  return table(
    [
      ["run", view.run],
      ["status", statusCell(view.status)],
      ...facts.flatMap(([name, fact]) => (fact === undefined ? [] : [[name, fact]])),
    ],
    paint,
  );
}

const placeText = ({ first, previous, index }: NonNullable<RunView["chain"]>): string =>
  `${previous}, the ${index}. run of the chain that ${first} began`;

/**
 * The steps below an empty line, none if there are none.
 * @param items whether every item of mapped steps is listed, or only those in trouble
 */
export function stepLines(view: RunView, items: boolean, now: number, paint: Paint): string[] {
  const rows = listed(view, items).map((row) => stepCells(row, now));
  return rows.length === 0 ? [] : ["", ...table([stepHeader, ...rows], paint)];
}

const TROUBLED: ReadonlySet<string> = new Set(["failed", "held", "retrying"]);

/** Steps, each followed by its items: all of them, or those in trouble. */
function listed(view: RunView, all: boolean): StepRow[] {
  const counted = new Map(stepRows(view).map((row) => [row.facts.step, row]));
  return view.steps.flatMap((facts) => {
    const row = counted.get(facts.step);
    if (row !== undefined) return [row];
    return all || TROUBLED.has(facts.status) ? [{ facts, counts: undefined }] : [];
  });
}
