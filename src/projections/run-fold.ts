/** How what a run's log tells is folded: one pure fold per question. */
import type { MillraceEvent } from "../events/vocabulary.ts";

/** Where an event stands: its `seq` in the run, and the log position of its frame. */
export interface EventPlace {
  readonly run: string;
  readonly seq: number;
  readonly position: number;
}

/** A pure fold over the events of one run, in place. Events come in order, each once. */
export interface RunFold<V> {
  initial(): V;
  apply(view: V, event: MillraceEvent, place: EventPlace): void;
}
