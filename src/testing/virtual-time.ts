/**
 * Time that moves only when a test lets it: to the next timer, as soon as nothing else can happen. A
 * week of backoff takes milliseconds, and a timer fires at its very moment.
 */
import { type CancelTimer, type Clock, systemClock } from "../kernel/clock.ts";

interface Timer {
  readonly at: number;
  readonly fire: () => void;
}

/** Turns of the event loop without any use of the clock after which nothing is under way. */
const STILL_TURNS = 3;
const HOUR_MS = 3_600_000;

export class VirtualTime implements Clock {
  readonly #real = systemClock();
  readonly #timers = new Set<Timer>();
  readonly #began = 1_700_000_000_000;
  #now = this.#began;
  #uses = 0;
  #turning = 0;

  /** How often the clock was used: what asks without end uses it without end. */
  get uses(): number {
    return this.#uses;
  }

  now(): number {
    return this.#now;
  }

  mono(): number {
    return this.#now - this.#began;
  }

  after(ms: number, fire: () => void): CancelTimer {
    this.#uses++;
    const timer = { at: this.#now + Math.max(0, ms), fire };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  async turn(): Promise<void> {
    this.#uses++;
    this.#turning++;
    await this.#real.turn();
    this.#turning--;
  }

  /** Lets `ms` go by, with all that happens meanwhile. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (await this.still(); this.#next() <= end; await this.still()) this.#jump();
    this.#now = Math.max(this.#now, end);
  }

  /** Lets time go by until the promise has settled; fails when that takes longer than `withinMs`. */
  async until<T>(promise: Promise<T>, withinMs = HOUR_MS): Promise<T> {
    const end = this.#now + withinMs;
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    promise.then(mark, mark);
    for (await this.still(); !settled; await this.still()) {
      if (this.#next() > end) throw new Error(`nothing came of it within ${withinMs} ms`);
      this.#jump();
    }
    return promise;
  }

  /** Resolves when nothing more happens without time going by. */
  async still(): Promise<void> {
    let seen = this.#uses;
    for (let turns = 0; turns < STILL_TURNS; turns++) {
      await this.#real.turn();
      if (this.#turning > 0 || seen !== this.#uses) turns = -1;
      seen = this.#uses;
    }
  }

  #next(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { at } of this.#timers) next = Math.min(next, at);
    return next;
  }

  #jump(): void {
    this.#now = Math.max(this.#now, this.#next());
    // Only those that were there: what they set for the same moment comes in a later round.
    for (const timer of [...this.#timers]) {
      if (timer.at <= this.#now && this.#timers.delete(timer)) timer.fire();
    }
  }
}
