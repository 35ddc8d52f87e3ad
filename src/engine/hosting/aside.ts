/**
 * Workflows whose tickets a process leaves to others for a moment, after it gave one back that it has no code
 * for: whoever waits for tickets would otherwise be the first to get that one again.
 */
import type { Clock } from "../../kernel/clock.ts";

/** For a ticket that is given back at once. */
const NOW_MS = 100;
/** For one that comes back at a time: stores may be late with that by 250 ms, and by more when they are busy. */
const LATER_MS = 600;

export class Aside {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #workflows = new Set<string>();
  /** When the last time of each was over (monotonic ms). */
  readonly #backAt = new Map<string, number>();

  /** @param onChange called when a workflow was left to others, and when that is over */
  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** @param inMs after so long the ticket is claimable again, and it matters who is in line */
  step(workflow: string, inMs: number): void {
    if (inMs === 0) this.#leave(workflow, NOW_MS);
    else this.#clock.after(inMs, () => this.#return(workflow));
  }

  /** Those that tickets are taken of. */
  without(workflows: readonly string[]): readonly string[] {
    return workflows.filter((workflow) => !this.#workflows.has(workflow));
  }

  /** Many tickets may come back all the time when those who have the code are full: its own are not to starve. */
  #return(workflow: string): void {
    const back = this.#backAt.get(workflow) ?? Number.NEGATIVE_INFINITY;
    if (this.#clock.mono() - back >= LATER_MS) this.#leave(workflow, LATER_MS);
  }

  #leave(workflow: string, forMs: number): void {
    if (this.#workflows.has(workflow)) return;
    this.#workflows.add(workflow);
    this.#onChange();
    this.#clock.after(forMs, () => {
      this.#workflows.delete(workflow);
      this.#backAt.set(workflow, this.#clock.mono());
      this.#onChange();
    });
  }
}
