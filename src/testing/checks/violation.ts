/** What the checkers of logs find, and how they say it. */
import type { RecordedEvent } from "../../events/vocabulary.ts";

/** Something that no log may hold. */
export interface Violation {
  /** "I3" and so on: see `checkLog`. */
  readonly invariant: string;
  readonly run: string;
  readonly seq: number;
  readonly what: string;
}

/** Says that an invariant does not hold at this event. */
export type Report = (invariant: string, event: RecordedEvent, what: string) => void;
