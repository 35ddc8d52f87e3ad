/**
 * One log of several: each run lies in the partition that its id decides, and all about a run goes to that
 * partition alone. Whoever reads many runs reads all partitions, side by side.
 *
 *   position = sequence × partitions + partition
 *
 * so positions stay plain numbers, unique in the whole log and increasing within a run, and each tells which
 * partition it belongs to (docs/adr/0008).
 */
import { MillraceError } from "../kernel/errors.ts";
import { limits } from "../kernel/limits.ts";
import { type Cursor, cursorIn, positionIn } from "../ports/cursor.ts";
import type {
  AppendOutcome,
  EventLog,
  LogScope,
  NewFrame,
  Position,
  ReadRange,
  StoredFrame,
} from "../ports/event-log.ts";
import { asTheyCome, inOrder } from "./merged.ts";

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * In which of so many partitions a run lies, for ever. FNV-1a of 32 bits (Fowler, Noll, Vo) over the
 * characters of its id.
 */
export function partitionOf(run: string, partitions: number): number {
  let hash = FNV_OFFSET;
  for (let at = 0; at < run.length; at++) {
    hash = Math.imul(hash ^ run.charCodeAt(at), FNV_PRIME);
  }
  return (hash >>> 0) % partitions;
}

/**
 * @param logs of one partition each, in order; they are the log's own from now on. Of one: it is that
 * @throws MillraceError `E_OPTION_INVALID` for no logs, or too many
 */
export function partitionedLog(logs: readonly EventLog[]): EventLog {
  const [only] = logs;
  if (only === undefined || logs.length > limits.partitionsMax) {
    throw new MillraceError(
      "E_OPTION_INVALID",
      `partitions: ${logs.length} is not a whole number from 1 to ${limits.partitionsMax}`,
      { details: { option: "partitions" } },
    );
  }
  return logs.length === 1 ? only : new PartitionedLog(logs);
}

class PartitionedLog implements EventLog {
  readonly partitions: number;
  readonly #parts: readonly Part[];

  constructor(logs: readonly EventLog[]) {
    this.partitions = logs.length;
    this.#parts = logs.map((log, partition) => new Part(log, partition, logs.length));
  }

  append(frame: NewFrame, signal?: AbortSignal): Promise<AppendOutcome> {
    return this.#of(frame.run).append(frame, signal);
  }

  read(range: ReadRange): AsyncIterable<StoredFrame> {
    const { run, after = 0, upTo } = range;
    if (run !== undefined) {
      const place = upTo === undefined ? {} : { upTo: positionIn(upTo) };
      return this.#of(run).read(range, { after: positionIn(after), ...place });
    }
    return this.#readMany(range);
  }

  subscribe(scope: LogScope, after: Cursor, signal: AbortSignal): AsyncIterable<StoredFrame> {
    if (scope.run !== undefined) {
      return this.#of(scope.run).subscribe(scope, positionIn(after), signal);
    }
    return this.#subscribeMany(scope, after, signal);
  }

  head(run: string): Promise<Position>;
  head(run?: string): Promise<Cursor>;
  head(run?: string): Promise<Cursor> {
    if (run !== undefined) return this.#of(run).head(run);
    return Promise.all(this.#parts.map((part) => part.head()));
  }

  erase(run: string): Promise<boolean> {
    return this.#of(run).log.erase(run);
  }

  async close(): Promise<void> {
    await Promise.all(this.#parts.map(({ log }) => log.close()));
  }

  #of(run: string): Part {
    return this.#parts[partitionOf(run, this.partitions)] as Part;
  }

  /** In order of position: it says nothing about time, but is the same for every reader. */
  async *#readMany(range: ReadRange): AsyncGenerator<StoredFrame, void, undefined> {
    const after = placesIn(this.partitions, range.after ?? 0);
    // What is appended while the partitions are read is no part of it.
    const upTo = placesIn(this.partitions, range.upTo ?? (await this.head()));
    const sources = this.#parts.flatMap((part, partition) => {
      const place = { after: after[partition] ?? 0, upTo: upTo[partition] ?? 0 };
      return place.after < place.upTo ? [part.read(range, place)] : [];
    });
    let left = range.limit ?? Number.POSITIVE_INFINITY;
    if (left <= 0) return;
    for await (const frame of inOrder(sources, ({ position }) => position)) {
      yield frame;
      if (--left <= 0) return;
    }
  }

  async *#subscribeMany(
    scope: LogScope,
    after: Cursor,
    signal: AbortSignal,
  ): AsyncGenerator<StoredFrame, void, undefined> {
    const places = placesIn(this.partitions, after);
    yield* asTheyCome(
      signal,
      this.#parts.map(
        (part, partition) => (ends) => part.subscribe(scope, places[partition] ?? 0, ends),
      ),
    );
  }
}

const placesIn = (partitions: number, cursor: Cursor): readonly Position[] =>
  cursorIn(partitions, cursor) as readonly Position[];

/** One partition, with positions as the whole log has them. */
class Part {
  readonly log: EventLog;
  readonly #partition: number;
  readonly #partitions: number;

  constructor(log: EventLog, partition: number, partitions: number) {
    this.log = log;
    this.#partition = partition;
    this.#partitions = partitions;
  }

  async append(frame: NewFrame, signal?: AbortSignal): Promise<AppendOutcome> {
    const expected = this.#expected(frame.expected);
    const outcome = await this.log.append({ ...frame, expected }, signal);
    return outcome.ok
      ? { ok: true, position: this.#global(outcome.position) }
      : { ok: false, head: this.#global(outcome.head) };
  }

  async *read(
    { after: _, upTo: __, ...range }: ReadRange,
    { after, upTo }: { readonly after: Position; readonly upTo?: Position },
  ): AsyncGenerator<StoredFrame, void, undefined> {
    const place = upTo === undefined ? {} : { upTo: this.#local(upTo) };
    const frames = this.log.read({ ...range, after: this.#local(after), ...place });
    for await (const frame of frames) yield this.#given(frame);
  }

  async *subscribe(
    scope: LogScope,
    after: Position,
    signal: AbortSignal,
  ): AsyncGenerator<StoredFrame, void, undefined> {
    for await (const frame of this.log.subscribe(scope, this.#local(after), signal)) {
      yield this.#given(frame);
    }
  }

  async head(run?: string): Promise<Position> {
    return this.#global(positionIn(await this.log.head(run)));
  }

  #given(frame: StoredFrame): StoredFrame {
    return { ...frame, position: this.#global(frame.position) };
  }

  /** 0 stays 0: nothing is there. */
  #global(sequence: Position): Position {
    return sequence === 0 ? 0 : sequence * this.#partitions + this.#partition;
  }

  /** The last sequence at or before a position, which may be one of another partition. */
  #local(position: Position): Position {
    return Math.max(0, Math.floor((position - this.#partition) / this.#partitions));
  }

  /** A position of another partition is one that no frame of the run has: it is expected in vain. */
  #expected(position: Position): Position {
    if (position === 0) return 0;
    const isOwn = position % this.#partitions === this.#partition;
    return isOwn ? this.#local(position) : Number.MAX_SAFE_INTEGER;
  }
}
