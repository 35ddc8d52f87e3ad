/**
 * The event log on a JetStream stream: one message per frame, one subject per run, the stream's
 * sequence as position.
 */
import { type Cursor, positionIn } from "../../ports/cursor.ts";
import type {
  AppendOutcome,
  EventLog,
  LogScope,
  NewFrame,
  Position,
  ReadRange,
  StoredFrame,
} from "../../ports/event-log.ts";
import { append } from "./append.ts";
import { lastMessage, type Range, type StoredMessage } from "./direct-get.ts";
import { erase } from "./erase.ts";
import { beyond, history, inPages } from "./history.ts";
import { type Ask, closed, type Link } from "./link.ts";
import { Live } from "./live.ts";
import { follow, scan } from "./scan.ts";
import { nameOf, placeOf, type Subjects } from "./subjects.ts";
import { tail } from "./tail.ts";
import { walkBack } from "./walk-back.ts";

/** So few frames of the whole log are read by pages, without a consumer. */
const FEW = 64;
/** A run that was erased and has begun anew has one, before its frames. */
const TOMBSTONES = 1;

/** What the log is made of. */
export interface LogParts {
  /** The connection that appends. */
  readonly writing: Link;
  /** The connection for everything else, so that a large read does not hold up appends. */
  readonly reading: Link;
  readonly subjects: Subjects;
  /** Is the stream kept by several servers? Then one that answers may be behind. */
  readonly replicated: boolean;
}

export const natsEventLog = (parts: LogParts): EventLog => new NatsEventLog(parts);

class NatsEventLog implements EventLog {
  readonly partitions = 1;
  readonly #writing: Link;
  readonly #reading: Link;
  readonly #subjects: Subjects;
  readonly #replicated: boolean;
  readonly #live: Live;
  readonly #closing = new AbortController();

  constructor({ writing, reading, subjects, replicated }: LogParts) {
    this.#writing = writing;
    this.#reading = reading;
    this.#subjects = subjects;
    this.#replicated = replicated;
    this.#live = new Live(reading);
  }

  async append(frame: NewFrame, signal?: AbortSignal): Promise<AppendOutcome> {
    this.#checkOpen();
    return append(this.#writing, this.#subjects, frame, signal);
  }

  async *read(range: ReadRange): AsyncGenerator<StoredFrame, void, undefined> {
    this.#checkOpen();
    const { limit = Number.POSITIVE_INFINITY } = range;
    const upTo = positionIn(range.upTo ?? Number.POSITIVE_INFINITY);
    if (limit <= 0) return;
    const ask = this.#ask("read the log");
    const place = this.#range(range, positionIn(range.after ?? 0));
    const messages = this.#messages(ask, place, range.run === undefined, limit + TOMBSTONES);
    let given = 0;
    for await (const message of messages) {
      if (message.seq > upTo) return;
      const frame = range.tombstones ? entryOf(message) : frameOf(message);
      if (frame === undefined) continue;
      yield frame;
      given += 1;
      if (given >= limit) return;
    }
  }

  async *subscribe(
    scope: LogScope,
    after: Cursor,
    signal: AbortSignal,
  ): AsyncGenerator<StoredFrame, void, undefined> {
    this.#checkOpen();
    const ends = AbortSignal.any([signal, this.#closing.signal, this.#reading.closed]);
    if (ends.aborted) return;
    const ask = { ...this.#ask("follow the log"), signal: ends };
    const range = this.#range(scope, positionIn(after));
    const messages =
      scope.run === undefined
        ? follow(this.#reading, ask, range)
        : tail(this.#reading, this.#live, ask, range, this.#subjects.live(undefined, scope.run));
    try {
      for await (const message of messages) {
        const frame = scope.tombstones ? entryOf(message) : frameOf(message);
        if (ends.aborted) return;
        if (frame) yield frame;
      }
    } catch (error) {
      // What was under way when the subscription ended may end with an error of its own.
      if (!ends.aborted) throw error;
    }
  }

  async head(run?: string): Promise<Position> {
    this.#checkOpen();
    const subject = run === undefined ? this.#subjects.workflow() : this.#subjects.run(run);
    const { log } = this.#subjects.streams;
    const last = await lastMessage(this.#reading, this.#ask("read the head"), log, subject);
    // Whoever learns where a tombstone stands may begin the run anew: see to it that nothing of its
    // old life is left, should the erasing have been interrupted.
    if (run !== undefined && last && placeOf(last.subject) === undefined) await this.erase(run);
    return last?.seq ?? 0;
  }

  async erase(run: string): Promise<boolean> {
    this.#checkOpen();
    return erase(this.#writing, this.#subjects, run);
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }

  /** @param wide of more than one run: there may be any number of tombstones among them */
  #messages(ask: Ask, place: Range, wide: boolean, limit: number): AsyncIterable<StoredMessage> {
    if (!wide) return this.#ofRun(ask, place, limit);
    return limit > FEW
      ? scan(this.#reading, ask, place)
      : inPages(this.#reading, ask, place, limit);
  }

  /** That a run does not exist is told by the leader: to a replica it may be news. */
  async *#ofRun(ask: Ask, place: Range, limit: number): AsyncGenerator<StoredMessage> {
    let found = place.after > 0;
    const few = Number.isFinite(limit) ? undefined : await walkBack(this.#reading, ask, place);
    for await (const message of few ?? history(this.#reading, ask, place, limit)) {
      found = true;
      yield message;
    }
    if (!found && this.#replicated) yield* beyond(this.#reading, ask, place);
  }

  #range({ run, workflow }: LogScope, after: Position): Range {
    const { streams, ...names } = this.#subjects;
    const place = { stream: streams.log, after };
    if (run === undefined) return { ...place, subject: names.workflow(workflow) };
    if (workflow === undefined) return { ...place, subject: names.run(run) };
    return { ...place, subject: names.frames(workflow, run) };
  }

  #ask(what: string): Ask {
    return { what, stream: this.#subjects.streams.log };
  }

  #checkOpen(): void {
    if (this.#closing.signal.aborted || this.#reading.closed.aborted) throw closed("event log");
  }
}

/** Undefined for a tombstone. */
function frameOf({ subject, seq, bytes }: StoredMessage): StoredFrame | undefined {
  const place = placeOf(subject);
  return place && { ...place, position: seq, bytes };
}

/** Tombstones too, as frames of no workflow. */
const entryOf = (message: StoredMessage): StoredFrame =>
  frameOf(message) ?? {
    workflow: "",
    run: nameOf(message.subject),
    position: message.seq,
    bytes: message.bytes,
  };
