/**
 * The event log on a JetStream stream: one message per frame, one subject per run, the stream's
 * sequence as position.
 */
import type {
  AppendOutcome,
  EventLog,
  LogScope,
  NewFrame,
  Position,
  ReadRange,
  StoredFrame,
} from "../../ports/event-log.ts";
import { Away, answerOf, refusal, storedOf } from "./answers.ts";
import { append, expectLast } from "./append.ts";
import { askLeader, lastMessage, type Range } from "./direct-get.ts";
import { history } from "./history.ts";
import { type Ask, closed, type Link } from "./link.ts";
import { Live } from "./live.ts";
import { follow, type Scanned, scan } from "./scan.ts";
import { placeOf, type Subjects } from "./subjects.ts";
import { tail } from "./tail.ts";

/** How far back the first look for the head goes when erased runs left nothing but tombstones. */
const HEAD_WINDOW = 32;

/**
 * @param writing the connection that appends
 * @param reading the connection for everything else, so that a large read does not hold up appends
 */
export function natsEventLog(writing: Link, reading: Link, subjects: Subjects): EventLog {
  return new NatsEventLog(writing, reading, subjects);
}

class NatsEventLog implements EventLog {
  readonly #writing: Link;
  readonly #reading: Link;
  readonly #subjects: Subjects;
  readonly #live: Live;
  readonly #closing = new AbortController();

  constructor(writing: Link, reading: Link, subjects: Subjects) {
    this.#writing = writing;
    this.#reading = reading;
    this.#subjects = subjects;
    this.#live = new Live(reading);
  }

  async append(frame: NewFrame, signal?: AbortSignal): Promise<AppendOutcome> {
    this.#checkOpen();
    return append(this.#writing, this.#subjects, frame, signal);
  }

  async *read(range: ReadRange): AsyncGenerator<StoredFrame, void, undefined> {
    this.#checkOpen();
    const { upTo = Number.POSITIVE_INFINITY, limit = Number.POSITIVE_INFINITY } = range;
    if (limit <= 0) return;
    const ask = this.#ask("read the log");
    const place = this.#range(range, range.after ?? 0);
    const messages =
      range.run === undefined
        ? scan(this.#reading, ask, place)
        : history(this.#reading, ask, place, limit);
    let given = 0;
    for await (const message of messages) {
      if (message.seq > upTo) return;
      const frame = frameOf(message);
      if (frame === undefined) continue;
      yield frame;
      given += 1;
      if (given >= limit) return;
    }
  }

  async *subscribe(
    scope: LogScope,
    after: Position,
    signal: AbortSignal,
  ): AsyncGenerator<StoredFrame, void, undefined> {
    this.#checkOpen();
    const ends = AbortSignal.any([signal, this.#closing.signal, this.#reading.closed]);
    if (ends.aborted) return;
    const ask = { ...this.#ask("follow the log"), signal: ends };
    const range = this.#range(scope, after);
    const messages =
      scope.run === undefined
        ? follow(this.#reading, ask, range)
        : tail(this.#reading, this.#live, ask, range, this.#subjects.liveRun(scope.run));
    try {
      for await (const message of messages) {
        const frame = frameOf(message);
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
    if (last === undefined) return 0;
    if (placeOf(last.subject)) return last.seq;
    return run === undefined ? this.#headBefore(last.seq) : 0;
  }

  async erase(run: string): Promise<boolean> {
    this.#checkOpen();
    const ask = this.#ask(`erase run ${run}`);
    return this.#writing.insist(ask, () => this.#eraseOnce(run));
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }

  /** The position of the last frame, when what stands at the end is the tombstone at `end`. */
  async #headBefore(end: Position): Promise<Position> {
    const ask = this.#ask("read the head");
    for (let window = HEAD_WINDOW; ; window *= 8) {
      let head = 0;
      const range = this.#range({}, Math.max(0, end - 1 - window));
      for await (const { subject, seq } of history(this.#reading, ask, range))
        if (seq < end && placeOf(subject)) head = seq;
      if (head > 0 || window >= end) return head;
    }
  }

  /** Tombstone first, so that nothing is appended while the frames go. True if it removed something. */
  async #eraseOnce(run: string): Promise<boolean | Away> {
    const { streams, ...names } = this.#subjects;
    const last = await askLeader(this.#writing, streams.log, { last_by_subj: names.run(run) });
    if (last === undefined || last instanceof Away) return last ?? false;
    if (placeOf(last.subject)) {
      const headers = expectLast(last.seq, names.run(run));
      const reply = await this.#writing.requests.send(names.tombstone(run), "", { headers });
      const stored = storedOf(reply);
      if (stored instanceof Away) return stored;
      if (!("seq" in stored)) return new Away("busy");
    }
    for (let removed = false; ; removed = true) {
      const next = { seq: 1, next_by_subj: names.run(run) };
      const first = await askLeader(this.#writing, streams.log, next);
      if (first instanceof Away) return first;
      if (first === undefined || placeOf(first.subject) === undefined) return removed;
      const purged = await this.#purge(first.subject);
      if (purged instanceof Away) return purged;
    }
  }

  /** The subject is a literal one, as the server gave it: a wildcard would take other runs along. */
  async #purge(subject: string): Promise<Away | undefined> {
    const body = JSON.stringify({ filter: subject });
    const api = `$JS.API.STREAM.PURGE.${this.#subjects.streams.log}`;
    const answer = answerOf(await this.#writing.requests.send(api, body));
    if (answer instanceof Away) return answer;
    if (answer.error) throw refusal(answer.error);
    return undefined;
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
function frameOf({ subject, seq, bytes }: Scanned): StoredFrame | undefined {
  const place = placeOf(subject);
  return place && { ...place, position: seq, bytes };
}
