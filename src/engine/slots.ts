/** How many attempts may run in this process at once; whoever finds none free is called, first come first served. */
export class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  get free(): number {
    return this.#free;
  }

  /** True if a slot was taken. If not, `whenFree` is called once when it is worth asking again. */
  take(whenFree: () => void): boolean {
    if (this.#free === 0) {
      this.#waiting.add(whenFree);
      return false;
    }
    this.#free--;
    return true;
  }

  release(): void {
    this.#free++;
    this.nudge();
  }

  /** Calls the next one in line if a slot is free: also for who was called and had no use for it. */
  nudge(): void {
    if (this.#free === 0) return;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    next();
  }

  forget(whenFree: () => void): void {
    this.#waiting.delete(whenFree);
  }
}
