/**
 * Time that moves only when a test lets it: to the next timer, as soon as nothing else can happen. A
 * week of backoff takes milliseconds, and a timer fires at its very moment. With a seeded `Random`, that
 * decides which of several things that could go on at once goes first.
 */
import { deferred } from "../../kernel/async.ts";
import { type CancelTimer, type Clock, systemClock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import { RealWork } from "./real-work.ts";

/** How a `VirtualTime` begins, and how it goes on. */
export interface VirtualTimeOptions {
  /** Milliseconds since the epoch. @default 1_700_000_000_000 */
  readonly start?: number;
  /** Decides what goes first. @default whatever asked first */
  readonly order?: Random;
  /** Time does not move while real work is under way (see `real`): for so many real ms at most. @default 100 */
  readonly patienceMs?: number;
}

interface Timer {
  readonly at: number;
  readonly fire: () => void;
}

/** Turns of the event loop without any use of the clock after which nothing is under way. */
const STILL_TURNS = 3;
const HOUR_MS = 3_600_000;
/** When nothing else will happen, upkeep may mend something: it goes on for so long before one gives up. */
const UPKEEP_MS = 10 * 60_000;
const START = 1_700_000_000_000;

/** A clock for simulation. */
export class VirtualTime implements Clock {
  readonly #real = systemClock();
  readonly #timers = new Set<Timer>();
  readonly #upkeepTimers = new Set<Timer>();
  readonly #works: RealWork;
  readonly #order: Random | undefined;
  readonly #began: number;
  #now: number;
  #uses = 0;
  /** Who waits for a turn of the event loop. */
  #turns: (() => void)[] = [];
  #turning = false;

  constructor({ start = START, order, patienceMs = 100 }: VirtualTimeOptions = {}) {
    this.#began = start;
    this.#now = start;
    this.#order = order;
    this.#works = new RealWork(patienceMs);
  }

  /** How often the clock was used: what asks without end uses it without end. */
  get uses(): number {
    return this.#uses;
  }

  /**
   * The same time for what goes on for ever beside everything else (heartbeats, sweeps): time does not
   * stop at its timers. They fire, late and once, when it has come to something else.
   */
  readonly upkeep: Clock = {
    now: () => this.now(),
    mono: () => this.mono(),
    turn: () => this.turn(),
    after: (ms, fire) => this.#set(this.#upkeepTimers, ms, fire),
  };

  now(): number {
    return this.#now;
  }

  mono(): number {
    return this.#now - this.#began;
  }

  after(ms: number, fire: () => void): CancelTimer {
    this.#uses++;
    return this.#set(this.#timers, ms, fire);
  }

  turn(): Promise<void> {
    this.#uses++;
    const turn = deferred<void>();
    this.#turns.push(() => turn.resolve());
    if (!this.#turning) void this.#takeTurns();
    return turn.promise;
  }

  /**
   * Something happens outside of this clock: a real timer, a file. Time stands still for it.
   * @param waits true while it waits for this clock after all
   */
  real(work: Promise<unknown>, waits: () => boolean = () => false): void {
    this.#works.add(work, waits);
  }

  /** Lets `ms` go by, with all that happens meanwhile. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (await this.still(); next(this.#timers) <= end; await this.still()) {
      this.#jump(next(this.#timers));
    }
    this.#jump(end);
    await this.still();
  }

  /** Lets time go by until the promise has settled; fails when that takes longer than `withinMs`. */
  async until<T>(promise: Promise<T>, withinMs = HOUR_MS): Promise<T> {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    promise.then(mark, mark);
    if (await this.when(() => settled, withinMs)) return promise;
    throw new Error(`nothing came of it within ${withinMs} ms`);
  }

  /** Lets time go by until it is so; false when it is not within `withinMs`. Asked whenever time could move. */
  async when(holds: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
    const end = this.#now + withinMs;
    let upkeepLeft = UPKEEP_MS;
    for (await this.still(); !(await holds()); await this.still()) {
      const at = next(this.#timers);
      if (at <= end && Number.isFinite(at)) {
        this.#jump(at);
        continue;
      }
      if (await this.#works.waitLong()) continue;
      const before = this.#now;
      const mended = next(this.#upkeepTimers);
      upkeepLeft -= mended - before;
      if (mended > end || !(upkeepLeft >= 0)) return false;
      this.#jump(mended);
    }
    return true;
  }

  /** Resolves when nothing more happens without time going by. */
  async still(): Promise<void> {
    do {
      let seen = this.#uses;
      for (let turns = 0; turns < STILL_TURNS; turns++) {
        await this.#real.turn();
        if (this.#turning || seen !== this.#uses) turns = -1;
        seen = this.#uses;
      }
    } while (await this.#works.wait());
  }

  #set(timers: Set<Timer>, ms: number, fire: () => void): CancelTimer {
    const timer = { at: this.#now + Math.max(0, ms), fire };
    timers.add(timer);
    return () => void timers.delete(timer);
  }

  async #takeTurns(): Promise<void> {
    this.#turning = true;
    while (this.#turns.length > 0) {
      await this.#real.turn();
      if (this.#order === undefined) for (const go of this.#turns.splice(0)) go();
      else this.#pick(this.#turns, this.#order)?.();
    }
    this.#turning = false;
  }

  #pick<T>(items: T[], order: Random): T | undefined {
    return items.splice(Math.floor(order.next() * items.length), 1)[0];
  }

  #jump(to: number): void {
    this.#now = Math.max(this.#now, to);
    // Only those that were there: what they set for the same moment comes in a later round.
    const due = [this.#upkeepTimers, this.#timers].flatMap((timers) =>
      [...timers].filter(({ at }) => at <= this.#now).map((timer) => ({ timers, timer })),
    );
    const order = this.#order;
    while (due.length > 0) {
      const first = order === undefined ? due.shift() : this.#pick(due, order);
      // One may have been cancelled by another.
      if (first?.timers.delete(first.timer)) first.timer.fire();
    }
  }
}

/** When the next of them is due; infinite: none is. */
function next(timers: Iterable<Timer>): number {
  let earliest = Number.POSITIVE_INFINITY;
  for (const { at } of timers) earliest = Math.min(earliest, at);
  return earliest;
}
