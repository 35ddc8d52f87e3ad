/**
 * The workflow events of a run: facts that user code wanted in the log (`user.noted`), counted from
 * 1. Payloads are not kept; a page of events is read from the log again, by the positions kept
 * here.
 */
import type { RunFold } from "./run-fold.ts";

/** Facts that users wrote into one run's log. */
export interface NotedEvents {
  /** Position of the frame of each event; event n stands at n - 1. */
  readonly positions: number[];
}

export const notedFold: RunFold<NotedEvents> = {
  initial: () => ({ positions: [] }),
  apply(view, event, { position }) {
    if (event.type === "user.noted") view.positions.push(position);
  },
};
