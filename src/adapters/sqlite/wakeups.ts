/**
 * Who waits for what. Writes of this process wake their waiters at once, by key; commits of other
 * processes are looked up once for all waiters. A wake-up carries nothing: who wakes reads again.
 */
import type { Wakeup } from "../../kernel/async.ts";
import type { ForeignCommits } from "./foreign-commits.ts";

/** How a port finds out whom foreign commits concern. */
export interface News {
  /** Nobody waits any more: what is stored until the next `keys` need not be known. */
  forget(): void;
  /** Keys of what was stored since the last call, or "all" when that is unknown or simpler. */
  keys(): readonly string[] | "all";
}

/** Wakes those who wait when something they wait for may have come. */
export class Wakeups {
  readonly #foreign: ForeignCommits;
  readonly #news: News;
  readonly #waiters = new Map<string, Set<Wakeup>>();
  #stop: (() => void) | undefined;

  constructor(foreign: ForeignCommits, news: News) {
    this.#foreign = foreign;
    this.#news = news;
  }

  /** Wakes the waiter for these keys until the returned function is called. Read after joining. */
  join(keys: readonly string[], waiter: Wakeup): () => void {
    this.#stop ??= this.#foreign.listen(() => this.#look());
    for (const key of keys) this.#waitersOf(key).add(waiter);
    return () => this.#leave(keys, waiter);
  }

  wake(key: string): void {
    for (const waiter of this.#waiters.get(key) ?? []) waiter.wake();
  }

  wakeAll(): void {
    for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter.wake();
  }

  #look(): void {
    const keys = this.#news.keys();
    if (keys === "all") this.wakeAll();
    else for (const key of keys) this.wake(key);
  }

  #waitersOf(key: string): Set<Wakeup> {
    const known = this.#waiters.get(key);
    if (known) return known;
    const fresh = new Set<Wakeup>();
    this.#waiters.set(key, fresh);
    return fresh;
  }

  #leave(keys: readonly string[], waiter: Wakeup): void {
    for (const key of keys) {
      const waiters = this.#waiters.get(key);
      waiters?.delete(waiter);
      if (waiters?.size === 0) this.#waiters.delete(key);
    }
    if (this.#waiters.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
    this.#news.forget();
  }
}
