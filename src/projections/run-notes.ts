/**
 * What a run's log tells beside the state of its machines: checkpoints, workflow events, outputs,
 * results, inputs and the order of completions of steps. Each is a pure fold over the committed
 * events of one run; this file puts them side by side. To add one: a field here, a line in
 * `emptyNotes`, a line in `noteEvent`.
 */
import type { Frame } from "../events/frame.ts";
import type { MillraceEvent } from "../events/vocabulary.ts";
import { type Checkpoints, checkpointFold } from "./checkpoints.ts";
import { type DataLocations, locationFold } from "./data-locations.ts";
import { type NotedEvents, notedFold } from "./noted-events.ts";
import { outputFold, type RunOutputs } from "./outputs.ts";
import { type RunResults, resultFold } from "./results.ts";
import type { EventPlace } from "./run-fold.ts";
import { type StepRuns, stepRunFold } from "./step-runs.ts";

/** Holds committed events only: what a draft adds is not in here before its frame is in the log. */
export interface RunNotes {
  readonly checkpoints: Checkpoints;
  readonly noted: NotedEvents;
  readonly steps: StepRuns;
  readonly outputs: RunOutputs;
  readonly locations: DataLocations;
  readonly results: RunResults;
}

/** The notes of a run that has no events. */
export const emptyNotes = (): RunNotes => ({
  checkpoints: checkpointFold.initial(),
  noted: notedFold.initial(),
  steps: stepRunFold.initial(),
  outputs: outputFold.initial(),
  locations: locationFold.initial(),
  results: resultFold.initial(),
});

function noteEvent(notes: RunNotes, event: MillraceEvent, place: EventPlace): void {
  checkpointFold.apply(notes.checkpoints, event, place);
  notedFold.apply(notes.noted, event, place);
  stepRunFold.apply(notes.steps, event, place);
  outputFold.apply(notes.outputs, event, place);
  locationFold.apply(notes.locations, event, place);
  resultFold.apply(notes.results, event, place);
}

/** Folds the events of one committed frame into the notes, in place. */
export function foldNotes(
  notes: RunNotes,
  stored: { readonly run: string; readonly position: number },
  frame: Pick<Frame, "seq" | "events">,
): void {
  const { run, position } = stored;
  let { seq } = frame;
  for (const event of frame.events) noteEvent(notes, event, { run, seq: seq++, position });
}

/**
 * Folds an event that a fork has inherited: outputs, and what steps returned and in which order. Facts and
 * checkpoints are numbered per run: those of the other run stay there.
 */
export function inheritNote(notes: RunNotes, event: MillraceEvent, place: EventPlace): void {
  outputFold.apply(notes.outputs, event, place);
  stepRunFold.apply(notes.steps, event, place);
  if (event.type === "step.completed") resultFold.apply(notes.results, event, place);
}
