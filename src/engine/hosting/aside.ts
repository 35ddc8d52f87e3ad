/**
 * Workflows whose tickets a process leaves to others for a moment, after it gave one back that it has no code
 * for: whoever waits for tickets would otherwise be the first to get that one again.
 */
import type { Clock } from "../../kernel/clock.ts";

const ASIDE_MS = 100;

export class Aside {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #workflows = new Set<string>();

  /** @param onChange called when a workflow was left to others, and when that is over */
  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  step(workflow: string): void {
    if (this.#workflows.has(workflow)) return;
    this.#workflows.add(workflow);
    this.#onChange();
    this.#clock.after(ASIDE_MS, () => {
      this.#workflows.delete(workflow);
      this.#onChange();
    });
  }

  /** Those that tickets are taken of. */
  without(workflows: readonly string[]): readonly string[] {
    return workflows.filter((workflow) => !this.#workflows.has(workflow));
  }
}
