/** Outputs of a task as they come. */
import { runTable } from "../domain/state.ts";
import type { Engine } from "../engine/engine.ts";
import { openFrame } from "../events/frame.ts";
import { type OutputRecord, outputRecord, outputsOf } from "./output-records.ts";

/** Which outputs a stream gives, and when it ends. */
export interface OutputStreamOptions {
  /** Only of this attempt; the stream then ends after its final. @default all attempts */
  readonly attempt?: number;
  /** Only of this producer. @default all */
  readonly producer?: string;
  /** Ends the stream. */
  readonly signal?: AbortSignal;
}

/**
 * One record at a time, at the reader's pace: what is not read yet stays in the log.
 * @param after position behind which to begin
 */
export async function* outputStream(
  engine: Engine,
  run: string,
  after: number,
  { attempt, producer, signal }: OutputStreamOptions,
): AsyncGenerator<OutputRecord, void, undefined> {
  const stop = new AbortController();
  const ends = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
  try {
    for await (const stored of engine.store.log.subscribe({ run }, after, ends)) {
      const { frame } = openFrame(run, stored.bytes, engine.codecs);
      for (const output of outputsOf(stored, frame)) {
        const { entry } = output;
        if (attempt !== undefined && entry.attempt !== attempt) continue;
        if (producer === undefined || entry.producer === producer) {
          yield await outputRecord(engine, output);
        }
        if (attempt !== undefined && entry.type === "final") return;
      }
      if (frame.events.some(({ type }) => isEnd(type))) return;
    }
  } finally {
    stop.abort();
  }
}

/** `run.completed` and so on: events named after the states in which a run stays. */
const isEnd = (type: string): boolean =>
  type.startsWith("run.") && runTable.finals.has(type.slice("run.".length));
