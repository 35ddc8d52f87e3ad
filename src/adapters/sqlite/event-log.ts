/** The event log on one table: appends join the group commit, readers are woken by its commits. */
import { Wakeup } from "../../kernel/async.ts";
import { pause } from "../../kernel/clock.ts";
import { isMillraceError } from "../../kernel/errors.ts";
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
import type { Access, Backend } from "./backend.ts";
import { FrameReader, type Span } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";
import { keyOf, keysOf, LogNews } from "./log-news.ts";
import { Wakeups } from "./wakeups.ts";

/** How often an erase tries to empty the write-ahead log while another process reads in it. */
const EMPTY_TRIES = 10;
const EMPTY_AGAIN_MS = 20;

export class SqliteEventLog implements EventLog {
  readonly partitions = 1;
  readonly #backend: Backend;
  readonly #access: Access;
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  readonly #waiting: Wakeups;

  constructor(backend: Backend) {
    this.#backend = backend;
    this.#access = backend.access();
    this.#reader = new FrameReader(backend);
    this.#writer = new FrameWriter(backend);
    this.#waiting = new Wakeups(backend.foreign, new LogNews(backend));
  }

  append(frame: NewFrame, signal?: AbortSignal): Promise<AppendOutcome> {
    return this.#access.write({
      durable: true,
      signal,
      patienceMs: Number.POSITIVE_INFINITY,
      run: () => this.#writer.append(frame),
      committed: (outcome) => {
        if (outcome.ok) for (const key of keysOf(frame)) this.#waiting.wake(key);
      },
    });
  }

  async *read(range: ReadRange): AsyncGenerator<StoredFrame> {
    const { limit = Number.POSITIVE_INFINITY } = range;
    const after = positionIn(range.after ?? 0);
    const head = await this.head();
    const upTo = Math.min(positionIn(range.upTo ?? head), head);
    yield* this.#frames(range, { after, upTo }, limit);
  }

  async *subscribe(
    scope: LogScope,
    after: Cursor,
    signal: AbortSignal,
  ): AsyncGenerator<StoredFrame> {
    this.#access.check();
    const waiter = new Wakeup();
    const wake = (): void => waiter.wake();
    const leave = this.#waiting.join([keyOf(scope)], waiter);
    signal.addEventListener("abort", wake, { once: true });
    try {
      for (let at = positionIn(after); !signal.aborted; ) {
        const upTo = await this.head();
        for await (const frame of this.#frames(scope, { after: at, upTo })) {
          if (signal.aborted || this.#access.closed) return;
          yield frame;
        }
        at = Math.max(at, upTo);
        await waiter.next();
      }
    } catch (error) {
      if (!isMillraceError(error, "E_STORE_CLOSED")) throw error;
    } finally {
      signal.removeEventListener("abort", wake);
      leave();
    }
  }

  head(run?: string): Promise<Position> {
    return this.#access.read(() => this.#reader.head(run));
  }

  async erase(run: string): Promise<boolean> {
    const erased = await this.#access.write({
      durable: true,
      run: () => this.#writer.erase(run),
      committed: () => {
        for (const key of [keyOf({}), keyOf({ run })]) this.#waiting.wake(key);
      },
    });
    if (erased) await this.#emptyWal();
    return erased;
  }

  async close(): Promise<void> {
    this.#access.close();
    this.#waiting.wakeAll();
  }

  async *#frames(
    scope: LogScope,
    { after, upTo }: Span,
    limit = Number.POSITIVE_INFINITY,
  ): AsyncGenerator<StoredFrame> {
    for (let [at, left] = [after, limit]; at < upTo && left > 0; ) {
      const piece = await this.#access.read(() =>
        this.#reader.piece(scope, { after: at, upTo }, left),
      );
      yield* piece.frames;
      at = piece.scannedTo;
      left -= piece.frames.length;
      // A long stretch of other people's frames must not hold the event loop.
      if (piece.frames.length === 0) await this.#backend.world.clock.turn();
    }
  }

  /** Erased bytes are zeros in the file, but the write-ahead log still holds pages of before. */
  async #emptyWal(): Promise<void> {
    for (let nth = 1; nth <= EMPTY_TRIES && !this.#access.closed; nth += 1) {
      if (await this.#access.read(() => this.#backend.db.emptyWal())) return;
      await pause(this.#backend.world.clock, EMPTY_AGAIN_MS);
    }
  }
}
