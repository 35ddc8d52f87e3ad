/** What a subscription works with once its options are checked, and what it makes of the log. */
import type { LogFeed } from "../engine/log-feed.ts";
import type { RecordedEvent } from "../events/vocabulary.ts";
import type { Position } from "../ports/event-log.ts";
import type { Filter } from "./event-filter.ts";
import type { StartPlace } from "./start-place.ts";

/** Which events, from where, until when. */
export interface Following {
  readonly feed: LogFeed;
  readonly filter: Filter;
  readonly place: StartPlace;
  readonly signal: AbortSignal;
}

/** The events of one frame that are wanted: often none. */
export interface Batch {
  readonly position: Position;
  readonly events: readonly RecordedEvent[];
}
