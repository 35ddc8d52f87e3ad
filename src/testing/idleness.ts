/** Whether anything will still happen by itself in a simulation, or all that is left waits for somebody. */
import { hasEnded, type RunSummary } from "../projections/run-summary.ts";
import type { Simulation } from "./simulation.ts";

const ALL_RUNS = Number.MAX_SAFE_INTEGER;

/** Looks at the runs again only when the log has grown. */
export class Idleness {
  readonly #simulation: Simulation;
  /** Of the log when it was looked at last. */
  #head = -1;
  #moving: readonly RunSummary[] = [];
  /** Runs that wait for somebody. */
  #waiting: readonly RunSummary[] = [];

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  async holds(): Promise<boolean> {
    await this.#simulation.ready();
    const { head, client } = this.#simulation;
    if (this.#head !== head) {
      const runs = await client.list({ limit: ALL_RUNS });
      this.#moving = runs.filter(movesByItself);
      this.#waiting = runs.filter((run) => !hasEnded(run) && !movesByItself(run));
      this.#head = head;
    }
    if (this.#moving.length > 0) return false;
    for (const { run, inbox } of this.#waiting) {
      if (await this.#simulation.hasInput(run, inbox)) return false;
    }
    return true;
  }

  /** What is going on, for a message. */
  async reasons(): Promise<string> {
    const { client } = this.#simulation;
    const runs = [...this.#moving, ...this.#waiting];
    const told = runs.map(async ({ run }) => {
      const { waits } = await client.explain(run);
      return `run ${run} ${waits.map(({ what }) => what).join(", ")}`;
    });
    return (await Promise.all(told)).join("; ");
  }
}

/** True for a run that somebody works on, or that goes on at a time. */
const movesByItself = (run: RunSummary): boolean =>
  !hasEnded(run) &&
  !run.driven &&
  (run.node !== null || run.parkedReason === null || run.parkedUntil !== null);
