/**
 * One reading of a part of the log, and the frames of it that not everyone has taken yet. It goes on
 * when the quickest follower wants more, so what nobody wants is not read; who is left behind by more
 * than the bounds below loses its place here, and finds it again through the log.
 */
import { Wakeup } from "../../kernel/async.ts";
import { advance, type Cursor, covers } from "../../ports/cursor.ts";
import type { LogScope, StoredFrame } from "../../ports/event-log.ts";
import type { Engine } from "../engine.ts";
import { FollowedFrame } from "./followed-frame.ts";

/** What is held for those who are slower than the quickest. */
const HELD_FRAMES = 256;
const HELD_BYTES = 4 * 1024 * 1024;

/** Why a subscription is stopped; one value, since an exception made for each would cost a stack trace. */
export const ENOUGH = "nobody listens any more";

interface Held {
  readonly frame: FollowedFrame;
  /** How many have not taken it. */
  wanted: number;
}

interface Follower {
  /** Number of the frame it takes next; frames are numbered as they come. */
  next: number;
  readonly news: Wakeup;
}

/** What `LogFeed` keeps per run, workflow or whole log that is followed. */
export class SharedTail {
  readonly #engine: Engine;
  readonly #stop = new AbortController();
  readonly #source: AsyncIterator<StoredFrame>;
  readonly #onEnd: () => void;
  readonly #followers = new Set<Follower>();
  readonly #held: Held[] = [];
  #bytes = 0;
  /** Number of the first frame held. */
  #first = 0;
  #floor: Cursor;
  #reading = false;
  #ended = false;
  #failure: { readonly reason: unknown } | undefined;

  /** @param onEnd told that it must not be joined any more: nobody follows it, or the log has ended */
  constructor(engine: Engine, scope: LogScope, after: Cursor, onEnd: () => void) {
    this.#engine = engine;
    this.#floor = after;
    this.#onEnd = onEnd;
    const frames = engine.store.log.subscribe(scope, after, this.#stop.signal);
    this.#source = frames[Symbol.asyncIterator]();
  }

  /** Of what it has read, everything past this place is held. */
  get floor(): Cursor {
    return this.#floor;
  }

  /** True when the log's subscription has ended: there is nothing more to follow. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Frames past `after`, as they come. Ends when `signal` aborts, when the log's subscription ends, and
   * when the next frame is held no more.
   * @param after not before the floor
   * @throws whatever the log's subscription throws
   */
  async *follow(
    after: Cursor,
    signal: AbortSignal,
  ): AsyncGenerator<FollowedFrame, void, undefined> {
    const follower = this.#join(after);
    const wake = (): void => follower.news.wake();
    signal.addEventListener("abort", wake, { once: true });
    try {
      while (!signal.aborted && follower.next >= this.#first) {
        const frame = this.#take(follower);
        if (frame !== undefined) {
          // Who came with more than the tail has read knows its next frames already.
          if (!covers(after, frame.stored.position)) yield frame;
        } else if (this.#failure !== undefined) throw this.#failure.reason;
        else if (this.#ended) return;
        else {
          this.#read();
          await follower.news.next();
        }
      }
    } finally {
      signal.removeEventListener("abort", wake);
      await this.#leave(follower);
    }
  }

  #join(after: Cursor): Follower {
    const skipped = this.#held.findIndex(({ frame }) => !covers(after, frame.stored.position));
    const at = skipped < 0 ? this.#held.length : skipped;
    for (const held of this.#held.slice(at)) held.wanted++;
    const follower = { next: this.#first + at, news: new Wakeup() };
    this.#followers.add(follower);
    return follower;
  }

  #take(follower: Follower): FollowedFrame | undefined {
    const held = this.#held[follower.next - this.#first];
    if (held === undefined) return undefined;
    follower.next++;
    held.wanted--;
    this.#drop();
    return held.frame;
  }

  async #leave(follower: Follower): Promise<void> {
    this.#followers.delete(follower);
    for (const held of this.#held.slice(Math.max(0, follower.next - this.#first))) held.wanted--;
    this.#drop();
    if (this.#followers.size > 0) return;
    this.#onEnd();
    this.#stop.abort(ENOUGH);
    await this.#source.return?.();
  }

  /** Takes the next frame from the log, unless that is under way. */
  #read(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#source.next().then(
      ({ done, value }) => {
        this.#reading = false;
        if (done) this.#end();
        else this.#hold(value);
        this.#tell();
      },
      (reason: unknown) => {
        this.#failure = { reason };
        this.#end();
        this.#tell();
      },
    );
  }

  #hold(stored: StoredFrame): void {
    const frame = new FollowedFrame(this.#engine, stored);
    this.#held.push({ frame, wanted: this.#followers.size });
    this.#bytes += stored.bytes.length;
    this.#drop();
  }

  /** Forgets what everyone has taken, and what is too much to hold. */
  #drop(): void {
    for (let [first] = this.#held; first !== undefined; [first] = this.#held) {
      const tooMuch =
        this.#held.length > 1 && (this.#held.length > HELD_FRAMES || this.#bytes > HELD_BYTES);
      if (first.wanted > 0 && !tooMuch) return;
      this.#held.shift();
      this.#first++;
      this.#bytes -= first.frame.stored.bytes.length;
      this.#floor = advance(this.#floor, first.frame.stored.position);
    }
  }

  #tell(): void {
    for (const { news } of this.#followers) news.wake();
  }

  #end(): void {
    this.#ended = true;
    this.#onEnd();
  }
}
