/**
 * Follows one run without a consumer on the server: history by direct get, then the republished
 * copies. Whenever a copy may be missing (its predecessor is unknown here, the connection was lost,
 * too many waited for a slow reader, or nothing came for a while) the log itself is read again.
 */
import { deferred } from "../../kernel/async.ts";
import { pause } from "../../kernel/clock.ts";
import { ownBytes, type Range, type StoredMessage } from "./direct-get.ts";
import { history } from "./history.ts";
import type { Ask, Link } from "./link.ts";
import type { Copy, Live } from "./live.ts";

/** Copies held for a reader that is slower than the run; beyond, it reads the log instead. */
const HELD_MESSAGES = 256;
const HELD_BYTES = 4 * 1024 * 1024;
/** An idle follower looks into the log this often, in case a copy was lost unnoticed. */
const LOOK_EVERY_MS = 5_000;
/** Between two readings when a replica of the stream is behind the copy that was heard. */
const BEHIND_WAIT_MS = 20;

/** Everything of the range, and what comes, until the signal aborts. */
export async function* tail(
  link: Link,
  live: Live,
  ask: Ask & { readonly signal: AbortSignal },
  range: Range,
  liveSubject: string,
): AsyncGenerator<StoredMessage, void, undefined> {
  const { signal } = ask;
  const heard = new Heard();
  const undo = link.onReconnect(() => heard.doubt());
  const wake = (): void => heard.wake();
  signal.addEventListener("abort", wake, { once: true });
  let silence = (): void => undefined;
  let { after } = range;
  try {
    silence = await live.listen(liveSubject, (copy) => heard.add(copy));
    while (!signal.aborted) {
      if (heard.takeDoubt()) {
        for await (const message of history(link, ask, { ...range, after })) {
          after = message.seq;
          yield message;
          if (signal.aborted) break;
        }
        if (signal.aborted) return;
      }
      const copy = heard.next(after);
      if (copy === "none") await heard.something(link, LOOK_EVERY_MS);
      else if (copy === "unknown") await pause(link.clock, BEHIND_WAIT_MS, signal);
      else {
        after = copy.seq;
        yield { subject: copy.subject, seq: copy.seq, bytes: copy.bytes };
      }
    }
  } finally {
    silence();
    undo();
    signal.removeEventListener("abort", wake);
  }
}

/** The copies heard and not yet passed on, and whether some may be missing. */
class Heard {
  #copies: Copy[] = [];
  #bytes = 0;
  /** At first nothing is known. */
  #doubt = true;
  #woken = deferred<void>();

  add(copy: Copy): void {
    this.#bytes += copy.bytes.length;
    this.#copies.push({ ...copy, bytes: ownBytes(copy.bytes) });
    if (this.#copies.length > HELD_MESSAGES || this.#bytes > HELD_BYTES) {
      this.#copies = [];
      this.#bytes = 0;
      this.#doubt = true;
    }
    this.wake();
  }

  doubt(): void {
    this.#doubt = true;
    this.wake();
  }

  /** True if the log must be read; the doubt is then taken care of. */
  takeDoubt(): boolean {
    const doubt = this.#doubt;
    this.#doubt = false;
    return doubt;
  }

  /** The copy that follows `after`; "unknown" if the first one past it follows something else. */
  next(after: number): Copy | "none" | "unknown" {
    for (let copy = this.#copies[0]; copy !== undefined; copy = this.#copies[0]) {
      if (copy.seq > after && copy.previous > after) {
        this.#doubt = true;
        return "unknown";
      }
      this.#copies.shift();
      this.#bytes -= copy.bytes.length;
      if (copy.seq > after) return copy;
    }
    return "none";
  }

  /** Resolves at the next wake, or after `ms`, which then casts doubt. */
  async something({ clock }: Link, ms: number): Promise<void> {
    if (this.#doubt || this.#copies.length > 0) return;
    this.#woken = deferred();
    const cancel = clock.after(ms, () => this.doubt());
    await this.#woken.promise;
    cancel();
  }

  wake(): void {
    this.#woken.resolve();
  }
}
