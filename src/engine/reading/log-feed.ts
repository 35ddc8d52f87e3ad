/**
 * The log as this process follows it. All who follow the same run, workflow or whole log share one
 * reading of it: however many they are, the store is asked once, and a frame is opened once.
 *
 *   log.subscribe ──> the last frames ──> follower, follower, … each at its own pace
 *                          └── one that is behind them reads by itself until it is as far again
 */
import { MillraceError } from "../../kernel/errors.ts";
import { advance, type Cursor, cursorIn, reaches } from "../../ports/cursor.ts";
import type { EventLog, LogScope } from "../../ports/event-log.ts";
import type { Engine } from "../engine.ts";
import { FollowedFrame } from "./followed-frame.ts";
import { SharedTail } from "./shared-tail.ts";

/** One per opened store. */
export class LogFeed {
  readonly engine: Engine;
  readonly #tails = new Map<string, SharedTail>();

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /**
   * Frames of the scope past `after`, then new ones as they come: in order, none lost, none twice, at
   * the pace of whoever iterates. Ends when `signal` aborts, and when the store is closed.
   * @throws MillraceError of one run `E_RUN_ERASED`, as soon as it is; whatever the log's `subscribe` throws
   */
  async *frames(
    scope: LogScope,
    after: Cursor,
    signal: AbortSignal,
  ): AsyncGenerator<FollowedFrame, void, undefined> {
    const { run } = scope;
    if (run === undefined) return yield* this.#frames(scope, after, signal);
    for await (const frame of this.#frames({ ...scope, tombstones: true }, after, signal)) {
      const { bytes, position } = frame.stored;
      if (bytes.length > 0) yield frame;
      // One that has begun anew goes on behind its tombstone.
      else if ((await this.#log.head(run)) === position) throw erased(run);
    }
  }

  async *#frames(
    scope: LogScope,
    after: Cursor,
    signal: AbortSignal,
  ): AsyncGenerator<FollowedFrame, void, undefined> {
    const partitions = scope.run === undefined ? this.#log.partitions : 1;
    for (let at = cursorIn(partitions, after); !signal.aborted; ) {
      const tail = this.#tail(scope, at);
      if (reaches(at, tail.floor)) {
        for await (const frame of tail.follow(at, signal)) {
          at = advance(at, frame.stored.position);
          yield frame;
        }
        if (tail.ended && reaches(at, tail.floor)) return;
        continue;
      }
      // The tail holds nothing from before its floor, and whether something is there only the log knows.
      for await (const stored of this.#log.subscribe(scope, at, signal)) {
        at = advance(at, stored.position);
        yield new FollowedFrame(this.engine, stored);
        if (reaches(at, tail.floor)) break;
      }
      if (!reaches(at, tail.floor)) return;
    }
  }

  get #log(): EventLog {
    return this.engine.store.log;
  }

  #tail(scope: LogScope, after: Cursor): SharedTail {
    const key = `${scope.workflow ?? ""} ${scope.run ?? ""}`;
    const known = this.#tails.get(key);
    if (known !== undefined) return known;
    const tail = new SharedTail(this.engine, scope, after, () => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    this.#tails.set(key, tail);
    return tail;
  }
}

const erased = (run: string): MillraceError =>
  new MillraceError("E_RUN_ERASED", `run ${run} was erased; nothing more will be heard of it`, {
    details: { run },
  });
