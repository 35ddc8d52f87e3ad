/** All schedules, folded from their own records: for lists, and for the sweep that restores their tickets. */
import { scheduleContext } from "../../machines/schedule-data.ts";
import { SCHEDULE_WORKFLOW, type Schedule, scheduleTable } from "../domain/schedule.ts";
import type { MillraceEvent } from "../events/vocabulary.ts";
import type { FoldedFrame, Projection } from "./projection.ts";

/** By the id of their newest generation in the log; deleted ones too. */
export type ScheduleList = Map<string, Schedule>;

export const scheduleList: Projection<ScheduleList> = {
  name: "schedule-list",
  version: 1,
  workflow: SCHEDULE_WORKFLOW,
  initial: () => new Map(),
  forget: (view, run) => void view.delete(run),
  save: (view) => [...view].sort(([one], [other]) => (one < other ? -1 : 1)),
  restore: (saved) => new Map(saved as (readonly [string, Schedule])[]),
  apply(view, { place, opened }: FoldedFrame) {
    if (place.workflow !== SCHEDULE_WORKFLOW) return;
    if ("damaged" in opened) view.delete(place.run);
    else for (const event of opened.frame.events) fold(view, place.run, event);
  },
};

/** A generation that was damaged, or does not follow its machine, is left out from there on. */
function fold(view: ScheduleList, run: string, event: MillraceEvent): void {
  const known = event.type === "ledger.opened" ? begun(view, run, event) : view.get(run);
  if (known === undefined) return;
  const moved = scheduleTable.evolve(known, event as Parameters<typeof scheduleTable.evolve>[1]);
  if (moved.ok) view.set(run, known);
  else view.delete(run);
}

/**
 * Generations before know nothing more; they may have been erased without a word to be read here, or, where
 * the log has several partitions, be read only after the newer one: then nothing begins.
 */
function begun(
  view: ScheduleList,
  run: string,
  { name, generation }: { readonly name: string; readonly generation: number },
): Schedule | undefined {
  for (const [other, { context }] of view) {
    if (context.name !== name || other === run) continue;
    if (context.generation > generation) return undefined;
    view.delete(other);
  }
  return scheduleTable.create(scheduleContext({ name }));
}
