/** Where in the log a subscription begins. */
import type { Engine } from "../../engine/engine.ts";
import { type Opened, openFrame } from "../../events/frame.ts";
import { recordedEvents } from "../../events/recorded.ts";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import { type Instant, instantMs } from "../../kernel/instant.ts";
import { at, before, type Cursor } from "../../ports/cursor.ts";
import type { LogScope, Position, StoredFrame } from "../../ports/event-log.ts";
import { callOptions, invalidOption, wholeOption } from "../options.ts";
import type { Filter } from "./event-filter.ts";
import { behind, type EventPlace, placeIn, type StartPlace } from "./place.ts";
import { seek } from "./seek.ts";
import { type Stretch, stretchesOf } from "./stretch.ts";

/**
 * The first event wanted: the first of all; the first that comes from now on; of one run the one with
 * this `seq`; the first that is not older than a time; the first of the frame at a position, or, if none
 * is there, of the next.
 */
export type From =
  | "start"
  | "now"
  | number
  | { readonly time: Instant }
  | { readonly position: Cursor };

/** Where to begin; at most one of the two. */
export interface PlaceOptions {
  /** The first event wanted. @default "start" */
  readonly from?: From;
  /** Go on behind this event: the last one that was dealt with. */
  readonly after?: EventPlace;
}

/** Clocks of hosts may differ by so much (ms) without an event being missed that is young enough. */
const CLOCKS_DIFFER_MS = 5_000;

/**
 * The options, checked, as a function that looks up in the log what has to be looked up there.
 * @throws MillraceError `E_OPTION_INVALID`, also of that function: a position among runs of several
 * partitions
 */
export function startPlace(
  { scope, runs }: Filter,
  { from = "start", after }: PlaceOptions,
): (engine: Engine) => Promise<StartPlace> {
  if (after !== undefined) {
    if (from !== "start") throw invalidOption("after", "`from` is given too");
    const place = behind(after);
    return async ({ store }) => placeIn(store.log, scope, place);
  }
  if (from === "now") return async ({ store }) => past(await store.log.head(scope.run));
  if (from === "start") return async (engine) => past(await beforeRuns(engine, runs));
  if (typeof from === "number") {
    const first = wholeOption("from", from, 1);
    if (scope.run === undefined) {
      throw invalidOption("from", "a seq is a place in one run: name the run, or give a position");
    }
    return (engine) => fromSeq(engine, scope, first);
  }
  const given = callOptions<{ time?: Instant; position?: Cursor }>("from", from, [
    "time",
    "position",
  ]);
  if (given.time === undefined) {
    const place = past(beginningAt(given.position));
    return async ({ store }) => placeIn(store.log, scope, place);
  }
  if (given.position !== undefined)
    throw invalidOption("from", "is a time or a position, not both");
  const time = instantMs("from.time", given.time);
  return (engine) => fromTime(engine, scope, time);
}

const past = (after: Cursor): StartPlace => ({ after, begins: () => true });

/** Right before the frames at these positions. */
function beginningAt(position: Cursor | undefined): Cursor {
  if (!Array.isArray(position)) return wholeOption("from.position", position, 1) - 1;
  return position.map((one: unknown) => {
    return Math.max(0, wholeOption("from.position", one, 0) - position.length);
  });
}

async function fromSeq(engine: Engine, scope: LogScope, first: number): Promise<StartPlace> {
  const isEarly = ({ frame }: Opened): boolean => frame.seq + frame.events.length <= first;
  const [stretch] = await stretchesOf(engine.store.log, scope);
  const isFirst = first === 1 || stretch === undefined;
  const after = isFirst ? 0 : await seek(engine, scope, stretch, isEarly);
  return { after, begins: ({ seq }) => seq >= first };
}

async function fromTime(engine: Engine, scope: LogScope, time: number): Promise<StartPlace> {
  const stretches = await stretchesOf(engine.store.log, scope);
  const places = await Promise.all(
    stretches.map((stretch) => timeIn(engine, scope, stretch, time)),
  );
  const [only] = places;
  if (only !== undefined && places.length === 1) return only;
  return {
    after: places.map(({ after }) => after),
    begins: (event) => places[event.position % places.length]?.begins(event) ?? true,
  };
}

/** Where a time is in a part of the log that has an order. */
async function timeIn(
  engine: Engine,
  scope: LogScope,
  stretch: Stretch,
  time: number,
): Promise<{ readonly after: Position; readonly begins: StartPlace["begins"] }> {
  const early = time - CLOCKS_DIFFER_MS;
  let after = await seek(engine, scope, stretch, ({ frame }) => frame.at < early);
  for await (const stored of engine.store.log.read({ ...scope, ...stretch.past(after) })) {
    const first = eventsIn(engine, scope, stored).find(({ at }) => at >= time);
    if (first !== undefined) return from(first);
    after = stored.position;
  }
  let begun = false;
  return { after, begins: ({ at }) => (begun ||= at >= time) };
}

const from = ({ position, seq: first }: RecordedEvent) => ({
  after: position - 1,
  begins: (event: RecordedEvent) => event.position !== position || event.seq >= first,
});

/** None in a damaged frame of some run: it may be another run that is wanted. */
function eventsIn(engine: Engine, scope: LogScope, stored: StoredFrame): readonly RecordedEvent[] {
  try {
    return recordedEvents(stored, openFrame(stored.run, stored.bytes, engine.codecs).frame);
  } catch (error) {
    if (scope.run === undefined && isMillraceError(error, "E_FRAME_INVALID")) return [];
    throw error;
  }
}

/** What lies before the first frame of all of these runs need not be read. */
async function beforeRuns({ store }: Engine, runs: Filter["runs"]): Promise<Cursor> {
  if (runs === undefined) return 0;
  // One that does not exist yet begins past what is there now.
  let first = await store.log.head();
  for (const run of runs) {
    for await (const { position } of store.log.read({ run, limit: 1 })) {
      const place = before(first, position);
      if (at(place, position) < at(first, position)) first = place;
    }
  }
  return first;
}
