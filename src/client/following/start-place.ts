/** Where in the log a subscription begins. */
import type { Engine } from "../../engine/engine.ts";
import { type Opened, openFrame } from "../../events/frame.ts";
import { recordedEvents } from "../../events/recorded.ts";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import { type Instant, instantMs } from "../../kernel/instant.ts";
import type { LogScope, Position, StoredFrame } from "../../ports/event-log.ts";
import { callOptions, invalidOption, wholeOption } from "../options.ts";
import type { Filter } from "./event-filter.ts";
import { seek } from "./seek.ts";

/** The place of an event in the whole log. An event is its own place: `{ after: event }`. */
export interface EventPlace {
  readonly position: Position;
  /** Among the events of its frame. Absent: behind all of them. */
  readonly seq?: number;
}

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
  | { readonly position: Position };

/** Where to begin; at most one of the two. */
export interface PlaceOptions {
  /** The first event wanted. @default "start" */
  readonly from?: From;
  /** Go on behind this event: the last one that was dealt with. */
  readonly after?: EventPlace;
}

/** A place to begin at. */
export interface StartPlace {
  /** Only frames past this position. */
  readonly after: Position;
  /** Whether an event is past the beginning too; asked of every event in turn. */
  begins(event: RecordedEvent): boolean;
}

/** Clocks of hosts may differ by so much (ms) without an event being missed that is young enough. */
const CLOCKS_DIFFER_MS = 5_000;

/**
 * The options, checked, as a function that looks up in the log what has to be looked up there.
 * @throws MillraceError `E_OPTION_INVALID`
 */
export function startPlace(
  { scope, runs }: Filter,
  { from = "start", after }: PlaceOptions,
): (engine: Engine) => Promise<StartPlace> {
  if (after !== undefined) {
    if (from !== "start") throw invalidOption("after", "`from` is given too");
    const place = behind(after);
    return async () => place;
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
  const given = callOptions<{ time?: Instant; position?: Position }>("from", from, [
    "time",
    "position",
  ]);
  if (given.time === undefined) {
    const place = past(wholeOption("from.position", given.position, 1) - 1);
    return async () => place;
  }
  if (given.position !== undefined)
    throw invalidOption("from", "is a time or a position, not both");
  const time = instantMs("from.time", given.time);
  return (engine) => fromTime(engine, scope, time);
}

const past = (after: Position): StartPlace => ({ after, begins: () => true });

/** Right behind an event, or behind a whole frame. @throws MillraceError `E_OPTION_INVALID` */
export function behind({ position, seq }: EventPlace): StartPlace {
  if (seq === undefined) return past(wholeOption("after.position", position, 0));
  wholeOption("after.position", position, 1);
  wholeOption("after.seq", seq, 1);
  return {
    after: position - 1,
    begins: (event) => event.position !== position || event.seq > seq,
  };
}

async function fromSeq(engine: Engine, scope: LogScope, first: number): Promise<StartPlace> {
  const isEarly = ({ frame }: Opened): boolean => frame.seq + frame.events.length <= first;
  const after = first === 1 ? 0 : await seek(engine, scope, isEarly);
  return { after, begins: ({ seq }) => seq >= first };
}

async function fromTime(engine: Engine, scope: LogScope, time: number): Promise<StartPlace> {
  const early = time - CLOCKS_DIFFER_MS;
  let after = await seek(engine, scope, ({ frame }) => frame.at < early);
  for await (const stored of engine.store.log.read({ ...scope, after })) {
    const first = eventsIn(engine, scope, stored).find(({ at }) => at >= time);
    if (first !== undefined) return before(first);
    after = stored.position;
  }
  let begun = false;
  return { after, begins: ({ at }) => (begun ||= at >= time) };
}

const before = ({ position, seq: first }: RecordedEvent): StartPlace => ({
  after: position - 1,
  begins: (event) => event.position !== position || event.seq >= first,
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
async function beforeRuns({ store }: Engine, runs: Filter["runs"]): Promise<Position> {
  if (runs === undefined) return 0;
  // One that does not exist yet begins past what is there now.
  let first = (await store.log.head()) + 1;
  for (const run of runs) {
    for await (const { position } of store.log.read({ run, limit: 1 })) {
      first = Math.min(first, position);
    }
  }
  return first - 1;
}
