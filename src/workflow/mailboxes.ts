/**
 * Where answers and those who wait for them meet, whichever comes first: the k-th answer of a key
 * goes to the k-th who asks for that key.
 */
import { type Deferred, deferred } from "../kernel/async.ts";

interface Mailbox<T> {
  readonly kept: T[];
  readonly waiting: Deferred<T>[];
}

/** Unbounded: what is kept is bounded by the run's log, what waits by the function. */
export class Mailboxes<T> {
  readonly #boxes = new Map<string, Mailbox<T>>();
  #waiting = 0;

  /** How many have asked and were not answered. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Gives `item` to the longest waiting asker of `key`, or keeps it for the next. */
  put(key: string, item: T): void {
    const box = this.#box(key);
    const asker = box.waiting.shift();
    if (asker === undefined) {
      box.kept.push(item);
      return;
    }
    this.#waiting--;
    asker.resolve(item);
  }

  /** The oldest item of `key` that nobody got; pending until there is one. */
  take(key: string): Promise<T> {
    const box = this.#box(key);
    const asker = deferred<T>();
    if (box.kept.length > 0) asker.resolve(box.kept.shift() as T);
    else {
      this.#waiting++;
      box.waiting.push(asker);
    }
    return asker.promise;
  }

  #box(key: string): Mailbox<T> {
    const known = this.#boxes.get(key);
    if (known !== undefined) return known;
    const box: Mailbox<T> = { kept: [], waiting: [] };
    this.#boxes.set(key, box);
    return box;
  }
}
