/** A run's events as an async iterable. */
import type { Engine } from "../engine/engine.ts";
import { openFrame } from "../events/frame.ts";
import { recordedEvents } from "../events/recorded.ts";
import type { EventType, RecordedEvent } from "../events/vocabulary.ts";
import { MillraceError } from "../kernel/errors.ts";

/** The events after which nothing more happens to a run by itself. */
export const TERMINAL: ReadonlySet<EventType> = new Set([
  "run.completed",
  "run.failed",
  "run.cancelled",
]);

/**
 * Events of `run` with `seq >= from`, history then live. Ends after the run's last event, or when
 * `signal` aborts.
 * @param after position to begin behind, when the caller knows that nothing wanted is before it
 */
export async function* runEvents(
  engine: Engine,
  run: string,
  after: number,
  options: { from?: number; signal?: AbortSignal },
): AsyncGenerator<RecordedEvent> {
  const { from = 1 } = options;
  if (!Number.isSafeInteger(from) || from < 1) {
    throw new MillraceError(
      "E_OPTION_INVALID",
      `from: ${from} is not a seq; the first event has 1`,
    );
  }
  const stop = new AbortController();
  const end = (): void => stop.abort();
  if (options.signal?.aborted) end();
  options.signal?.addEventListener("abort", end, { once: true });
  try {
    for await (const stored of engine.store.log.subscribe({ run }, after, stop.signal)) {
      const { frame } = openFrame(run, stored.bytes, engine.codecs);
      for (const event of recordedEvents(stored, frame)) {
        if (event.seq >= from) yield event;
        if (TERMINAL.has(event.type)) return;
      }
    }
  } finally {
    options.signal?.removeEventListener("abort", end);
    end();
  }
}
