/**
 * Tickets of a replicated stream that were acked here: each is removed a moment after its ack, while the
 * cluster finds new leaders a long moment. An offer that meets one must not take what is going for what is
 * there.
 */
import type { Clock } from "../../kernel/clock.ts";

/** After so long a ticket that is still there is one that somebody has. */
const REMOVAL_MS = 5_000;

/** By the sequences of their messages. */
export class AckedTickets {
  readonly #clock: Clock;
  /** Until when each may still be seen (monotonic ms), the oldest first. */
  readonly #until = new Map<number, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(seq: number): void {
    const now = this.#clock.mono();
    for (const [oldest, until] of this.#until) {
      if (until > now) break;
      this.#until.delete(oldest);
    }
    this.#until.set(seq, now + REMOVAL_MS);
  }

  has(seq: number): boolean {
    return (this.#until.get(seq) ?? 0) > this.#clock.mono();
  }
}
