/** The parts of the log that have an order each: a run, or each partition of many runs. */
import { type Cursor, moved, partitionsOf } from "../../ports/cursor.ts";
import type { EventLog, LogScope, Position } from "../../ports/event-log.ts";

/** A part of the log within which positions increase. */
export interface Stretch {
  /** Position of its last frame; 0: it has none. */
  readonly end: Position;
  /** How far apart the positions of neighbours are, at least. */
  readonly step: number;
  /** What to read for its frames past a position, and for no others. */
  past(after: Position): { readonly after: Cursor; readonly upTo?: Cursor };
}

/** The stretches of a scope, by partition; one, where it has one order. */
export async function stretchesOf(log: EventLog, scope: LogScope): Promise<readonly Stretch[]> {
  const head: Cursor = await log.head(scope.run);
  if (typeof head === "number") return [{ end: head, step: 1, past: (after) => ({ after }) }];
  const step = partitionsOf(head);
  return head.map((end, partition) => ({
    end,
    step,
    // Nothing of the other partitions lies past their ends, and up to them.
    past: (after) => ({ after: moved(head, partition, after), upTo: head }),
  }));
}
