/** A recorded event as one line of a list. */
import type { RecordedEvent } from "../events/vocabulary.ts";
import { eventDetail, eventSubject } from "./event-text.ts";
import { duration, moment, visible } from "./render.ts";

/** Widths of seq, time since the run began, type and subject; of the run, where there are many. */
const [SEQ, SINCE, TYPE, SUBJECT, RUN] = [6, 8, 17, 16, 20];

/** @param began when the run began; undefined: of many runs */
export function eventLine(event: RecordedEvent, began: number | undefined): string {
  const place =
    began === undefined
      ? [moment(event.at), event.run.padEnd(RUN), String(event.seq).padStart(SEQ)]
      : [String(event.seq).padStart(SEQ), `+${duration(event.at - began)}`.padStart(SINCE)];
  const what = [event.type.padEnd(TYPE), eventSubject(event).padEnd(SUBJECT), eventDetail(event)];
  return visible([...place, ...what].join("  ").trimEnd());
}
