/**
 * What a running attempt wants recorded, as plain data: it may be said in another process. The time, and
 * numbers that are counted per run, come in with the commit.
 */
import type { NoteEvent } from "../../events/vocabulary.ts";
import type { Draft } from "../turn/draft.ts";

type Timeless<E> = E extends NoteEvent ? Omit<E, "at" | "checkpoint"> : never;

/** One thing to be recorded. */
export type Noted = Timeless<
  Extract<NoteEvent, { type: "output.emitted" | "checkpoint.saved" | "user.noted" }>
>;

/** The event that it becomes as the next one of the draft. */
export function noteEvent(noted: Noted, { state, now: at }: Draft): NoteEvent {
  if (noted.type !== "checkpoint.saved") return { ...noted, at };
  return { ...noted, at, checkpoint: state.checkpoints + 1 };
}
