/** Places that a reader goes on from. */
import type { RecordedEvent } from "../../events/vocabulary.ts";
import { type Cursor, cursorIn, positionIn } from "../../ports/cursor.ts";
import type { EventLog, LogScope } from "../../ports/event-log.ts";
import { invalidOption, wholeOption } from "../options.ts";

/**
 * A place in the log. An event is its own place: `{ after: event }`; among runs of several partitions it
 * is none, because nothing says how far the reader was in the others: there a place is what `cursor` of the
 * subscription says.
 */
export interface EventPlace {
  /** Of a frame; with several partitions and many runs, of one in each: 0 where none was read. */
  readonly position: Cursor;
  /** Among the events of its frame. Absent: behind all of them. Not with several positions. */
  readonly seq?: number;
}

/** A place to begin at. */
export interface StartPlace {
  /** Only frames past this. */
  readonly after: Cursor;
  /** Whether an event is past the beginning too; asked of every event in turn. */
  begins(event: RecordedEvent): boolean;
}

/** Right behind an event, or behind whole frames. @throws MillraceError `E_OPTION_INVALID` */
export function behind({ position, seq }: EventPlace): StartPlace {
  if (typeof position !== "number" && Array.isArray(position)) {
    if (seq !== undefined) throw invalidOption("after.seq", "several positions have none");
    const after = position.map((one) => wholeOption("after.position", one, 0));
    return { after, begins: () => true };
  }
  const at = wholeOption("after.position", position, seq === undefined ? 0 : 1);
  if (seq === undefined) return { after: at, begins: () => true };
  wholeOption("after.seq", seq, 1);
  return { after: at - 1, begins: (event) => event.position !== at || event.seq > seq };
}

/**
 * The place, if it is one in that part of the log.
 * @throws MillraceError `E_OPTION_INVALID`
 */
export function placeIn(log: EventLog, { run }: LogScope, place: StartPlace): StartPlace {
  const after: Cursor =
    run === undefined ? cursorIn(log.partitions, place.after) : positionIn(place.after);
  return { ...place, after };
}
