/** A run's events as an async iterable. */
import type { Engine } from "../engine/engine.ts";
import { mayHold, NO_PREVIOUS, type Opened, openFrame } from "../events/frame.ts";
import { recordedEvents } from "../events/recorded.ts";
import { type RecordedEvent, RUN_ENDS } from "../events/vocabulary.ts";
import { MillraceError } from "../kernel/errors.ts";
import { callOptions, invalidOption, wholeOption } from "./options.ts";

/** Which events of a run, and how long. */
export interface SubscribeOptions {
  /** First `seq` wanted. @default 1 */
  readonly from?: number;
  /** Ends the iteration. Without it, it ends after the run's last event. */
  readonly signal?: AbortSignal;
}

/** Why a subscription is stopped; one value, since an exception made for each would cost a stack trace. */
export const ENOUGH = "nobody listens any more";

/**
 * Events of `run` with `seq >= from`, history then live. Ends after the run's last event, or when
 * `signal` aborts.
 * @param after position to begin behind, when the caller knows that nothing wanted is before it
 * @throws MillraceError `E_OPTION_INVALID`; `E_STORE_CLOSED` when the store is closed before the end;
 * `E_FRAME_INVALID`, `E_LOG_CORRUPT` where the log is damaged
 */
export async function* runEvents(
  engine: Engine,
  run: string,
  after: number,
  options: SubscribeOptions,
): AsyncGenerator<RecordedEvent> {
  const given = callOptions("subscribe()", options, ["from", "signal"]);
  const from = wholeOption("from", given.from ?? 1, 1);
  if (given.signal !== undefined && !(given.signal instanceof AbortSignal)) {
    throw invalidOption("signal", "must be an AbortSignal");
  }
  const stop = new AbortController();
  const end = (): void => stop.abort(ENOUGH);
  if (given.signal?.aborted) end();
  given.signal?.addEventListener("abort", end, { once: true });
  const chain = new Chain(run, after);
  try {
    for await (const stored of engine.store.log.subscribe({ run }, after, stop.signal)) {
      const opened = openFrame(run, stored.bytes, engine.codecs);
      chain.follow(opened);
      for (const event of recordedEvents(stored, opened.frame)) {
        if (event.seq >= from) yield event;
        if (RUN_ENDS.has(event.type)) return;
      }
    }
  } finally {
    given.signal?.removeEventListener("abort", end);
    end();
  }
  if (given.signal?.aborted) return;
  throw storeClosed(run);
}

/**
 * The event that ended the run, as soon as there is one; undefined when `signal` aborts before. Frames
 * that cannot hold it are not opened.
 * @param after position behind which to look
 * @throws MillraceError `E_STORE_CLOSED`, `E_FRAME_INVALID`
 */
export async function runEnd(
  engine: Engine,
  run: string,
  after: number,
  signal: AbortSignal,
): Promise<RecordedEvent | undefined> {
  for await (const stored of engine.store.log.subscribe({ run }, after, signal)) {
    if (!mayHold(stored.bytes, RUN_ENDS)) continue;
    const { frame } = openFrame(run, stored.bytes, engine.codecs);
    const end = recordedEvents(stored, frame).find((event) => RUN_ENDS.has(event.type));
    if (end !== undefined) return end;
  }
  if (!signal.aborted) throw storeClosed(run);
  return undefined;
}

const storeClosed = (run: string): MillraceError =>
  new MillraceError(
    "E_STORE_CLOSED",
    `the store was closed before run ${run} ended; open it again to go on`,
  );

/** Sees to it that no frame is missing between two. */
class Chain {
  readonly #run: string;
  /** Of the frame before; undefined: not known. */
  #last: { readonly sum: string; readonly seq: number } | undefined;

  constructor(run: string, after: number) {
    this.#run = run;
    this.#last = after === 0 ? { sum: NO_PREVIOUS, seq: 0 } : undefined;
  }

  follow({ frame, prev, sum }: Opened): void {
    // A run that was erased may have begun anew.
    const begins = prev === NO_PREVIOUS && frame.seq === 1;
    const last = this.#last ?? { sum: prev, seq: frame.seq - 1 };
    if (!begins && (prev !== last.sum || frame.seq !== last.seq + 1)) {
      throw new MillraceError(
        "E_LOG_CORRUPT",
        `run ${this.#run}, after event ${last.seq}: a frame is missing or changed. Restore the log from a backup, or erase the run`,
        { details: { run: this.#run, seq: last.seq } },
      );
    }
    this.#last = { sum, seq: frame.seq + frame.events.length - 1 };
  }
}
