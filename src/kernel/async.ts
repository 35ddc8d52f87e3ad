/** The promise plumbing that the rest of the code shares. */

/** A promise together with what settles it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

/** A promise to be settled from outside. The first call of `resolve` or `reject` counts. */
export function deferred<T>(): Deferred<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  return { promise, resolve, reject };
}

/**
 * The promise itself, for whoever awaits it later. Node would end the process for a rejection that nobody
 * listens to yet; whoever awaits it is told all the same.
 */
export function awaitedLater<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

/** One waiter. Being woken while not waiting is remembered. */
export class Wakeup {
  #woken = false;
  #waiting: Deferred<void> | undefined;

  wake(): void {
    if (this.#waiting === undefined) this.#woken = true;
    else {
      this.#waiting.resolve();
      this.#waiting = undefined;
    }
  }

  /** Resolves when woken; at once if that happened since the last call resolved. */
  next(): Promise<void> {
    if (this.#woken) {
      this.#woken = false;
      return Promise.resolve();
    }
    this.#waiting ??= deferred();
    return this.#waiting.promise;
  }
}

/**
 * Resolves as soon as every microtask has run that is pending now or follows from one: what can go on
 * without waiting for anything has then gone on. The event loop does not turn meanwhile, so this costs
 * a hundredth of a turn.
 */
export const microtasksDrained = (): Promise<void> =>
  new Promise((resolve) => process.nextTick(resolve));

/**
 * An async iterable that a producer pushes into. Unbounded: the producer must be bounded by
 * something else. Ends after `end()`, or rejects its reader after `fail()`, once all pushed items
 * were read. One reader at a time.
 */
export class Feed<T> implements AsyncIterableIterator<T> {
  readonly #items: T[] = [];
  #waiting: Deferred<IteratorResult<T>> | undefined;
  #ended = false;
  #failure: { readonly reason: unknown } | undefined;
  readonly #onReturn: () => void;

  constructor(onReturn: () => void = () => undefined) {
    this.#onReturn = onReturn;
  }

  push(item: T): void {
    if (this.#ended) return;
    if (this.#waiting) this.#settle()?.resolve({ done: false, value: item });
    else this.#items.push(item);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#settle()?.resolve({ done: true, value: undefined });
  }

  fail(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    const waiting = this.#settle();
    if (waiting) waiting.reject(reason);
    else this.#failure = { reason };
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#items.length > 0) {
      return Promise.resolve({ done: false, value: this.#items.shift() as T });
    }
    if (this.#failure) {
      const { reason } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(reason);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    this.#waiting = deferred();
    return this.#waiting.promise;
  }

  return(): Promise<IteratorResult<T>> {
    this.#items.length = 0;
    this.#failure = undefined;
    this.end();
    this.#onReturn();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #settle(): Deferred<IteratorResult<T>> | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting;
  }
}

/** Does things one after the other that have the same key, in the order in which they were asked for. */
export class InTurn {
  readonly #last = new Map<string, Promise<unknown>>();

  /** What `work` comes to, which is begun when all before it with this key have ended, however they ended. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#last.set(key, mine);
    const done = (): void => {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    };
    mine.then(done, done);
    return mine;
  }
}
