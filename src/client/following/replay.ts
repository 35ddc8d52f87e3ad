/** A run played again from its log: each event with the run before and after it. No code runs. */
import { FollowedFrame } from "../../engine/reading/followed-frame.ts";
import { beforeFirst, copyMoment, type When } from "../../engine/reading/moment.ts";
import type { Moments } from "../../engine/reading/moments.ts";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import { pause } from "../../kernel/clock.ts";
import { type Duration, millis } from "../../kernel/duration.ts";
import { Chain } from "../chain.ts";
import { momentOf, type RunMoment, whenOf } from "../looking/state-at.ts";
import { callOptions, invalidOption } from "../options.ts";
import { Playback, type Recorded, type ReplayedEvent } from "./playback.ts";
import { checkSignal } from "./subscribe.ts";

/** Which events of a run, and how fast. */
export interface ReplayOptions {
  /** The first event: by its `seq`, or the first that is not older than a time. @default the first */
  readonly from?: RunMoment;
  /** The last event: by its `seq`, or the last before the first that is younger. @default the last */
  readonly to?: RunMoment;
  /** 1: events come as far apart as they happened; 10: ten times as fast. @default without waiting */
  readonly speed?: number;
  /** The longest wait between two events, once divided by the speed. @default no bound */
  readonly maxPause?: Duration;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

/** The same, checked. */
interface Plan {
  readonly from: When;
  readonly to: When;
  /** How long to wait between two events that are so many ms apart. */
  waitFor(ms: number): number;
  readonly signal: AbortSignal | undefined;
}

/**
 * See `Client.replay`.
 * @throws MillraceError `E_OPTION_INVALID`, at once
 */
export function replay(
  moments: Moments,
  run: string,
  options: ReplayOptions,
): AsyncIterable<ReplayedEvent> {
  return play(moments, run, planOf(options));
}

function planOf(options: ReplayOptions): Plan {
  const known = ["from", "to", "speed", "maxPause", "signal"] as const;
  const given = callOptions("replay()", options, known);
  const { speed = Number.POSITIVE_INFINITY } = given;
  if (typeof speed !== "number" || !(speed > 0)) throw invalidOption("speed", "must be above zero");
  const most =
    given.maxPause === undefined ? Number.POSITIVE_INFINITY : millis("maxPause", given.maxPause);
  return {
    from: whenOf("from", given.from ?? 1),
    to: given.to === undefined ? "now" : whenOf("to", given.to),
    waitFor: (ms) => Math.min(most, Math.max(0, ms) / speed),
    signal: checkSignal(given.signal),
  };
}

async function* play(
  moments: Moments,
  run: string,
  { from, to, waitFor, signal }: Plan,
): AsyncGenerator<ReplayedEvent, void, undefined> {
  const { engine } = moments;
  const start = await moments.at(run, rightBefore(from));
  let playback = start && new Playback(copyMoment(start));
  const chain = new Chain(run, start === undefined);
  let last: RecordedEvent | undefined;
  const range = { run, after: start?.state.cursor.head ?? 0 };
  for await (const stored of engine.store.log.read(range)) {
    const frame = new FollowedFrame(engine, stored);
    chain.follow(frame.opened);
    playback ??= new Playback(await beforeFirst(engine, run, frame.opened.frame));
    for (const next of pairsOf(frame)) {
      const { event } = next;
      if (signal?.aborted || isPast(event, to)) return;
      // A replay may begin in the middle of a frame, and at a time somewhere in the log.
      if (event.seq <= playback.seq) continue;
      if (last === undefined && !hasBegun(event, from)) {
        playback.skip(next);
        continue;
      }
      const ms = last === undefined ? 0 : waitFor(event.at - last.at);
      if (ms > 0) await pause(engine.world.clock, ms, signal);
      if (signal?.aborted) return;
      last = event;
      yield playback.show(next);
    }
  }
  if (playback === undefined) await momentOf(moments, run, "now");
}

function* pairsOf({ events, opened }: FollowedFrame): Generator<Recorded> {
  for (const [index, event] of events.entries()) {
    yield { event, recorded: opened.frame.events[index] ?? event };
  }
}

/** A moment from which the first event that is wanted can be reached. */
const rightBefore = (from: When): When => {
  if (from === "now") return from;
  return "seq" in from ? { seq: from.seq - 1 } : { time: from.time - 1 };
};

const hasBegun = (event: RecordedEvent, from: When): boolean =>
  from === "now" || ("seq" in from ? event.seq >= from.seq : event.at >= from.time);

const isPast = (event: RecordedEvent, to: When): boolean =>
  to !== "now" && ("seq" in to ? event.seq > to.seq : event.at > to.time);
