/** From stored frames to the events that readers get. */
import type { Frame } from "./frame.ts";
import type { RecordedEvent } from "./vocabulary.ts";

/** Where a stored frame lies. */
export interface FramePlace {
  readonly run: string;
  readonly workflow: string;
  readonly position: number;
}

/** The events of one frame, each with its place. */
export function recordedEvents(place: FramePlace, frame: Frame): RecordedEvent[] {
  return frame.events.map((event, index) => ({
    ...event,
    run: place.run,
    workflow: place.workflow,
    seq: frame.seq + index,
    position: place.position,
    commit: frame.commit,
    writer: frame.writer,
  }));
}
