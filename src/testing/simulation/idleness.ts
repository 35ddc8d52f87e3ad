/** Whether anything will still happen by itself in a simulation, or all that is left waits for somebody. */
import type { RecordedEvent } from "../../events/vocabulary.ts";
import { hasEnded, type RunSummary } from "../../projections/run-summary.ts";
import type { Simulation } from "./simulation.ts";

const ALL_RUNS = Number.MAX_SAFE_INTEGER;
/** A run that is taken up and parked so often, and does nothing else, never will. */
const ROUNDS = 5;
/** Time has gone on so often, and nothing was recorded. */
const LOOKS_IN_VAIN = 50_000;

/** Looks at the runs again only when the log has grown. */
export class Idleness {
  readonly #simulation: Simulation;
  /** Of the log when it was looked at last. */
  #head = -1;
  #inVain = 0;
  #moving: readonly RunSummary[] = [];
  /** Runs that wait for somebody. */
  #waiting: readonly RunSummary[] = [];

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  /** @throws Error when time goes on and on, and nothing comes of it */
  async holds(): Promise<boolean> {
    await this.#simulation.ready();
    if (this.#head !== this.#simulation.head) await this.#look();
    else if (++this.#inVain > LOOKS_IN_VAIN) {
      throw new Error(`time goes by, and nothing is recorded: ${await this.reasons()}`);
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
    const told = [...this.#moving, ...this.#waiting].map(async ({ run }) => {
      const { waits } = await client.explain(run);
      return `run ${run} ${waits.map(({ what }) => what).join(", ")}`;
    });
    return (await Promise.all(told)).join("; ");
  }

  async #look(): Promise<void> {
    const { head, client } = this.#simulation;
    this.#head = head;
    this.#inVain = 0;
    const alive = (await client.list({ limit: ALL_RUNS })).filter((run) => !hasEnded(run));
    const moving: RunSummary[] = [];
    for (const run of alive) if (await this.#moves(run)) moving.push(run);
    this.#moving = moving;
    this.#waiting = alive.filter((run) => !moving.includes(run));
  }

  /** Somebody works on it, or it goes on at a time. */
  async #moves(run: RunSummary): Promise<boolean> {
    if (run.driven) return false;
    if (run.node !== null || run.parkedReason === null) return true;
    return run.parkedUntil !== null && !goesRound(await this.#simulation.events(run.run));
  }
}

/** Nothing but claims and parkings: its code does not fit what is recorded, and will not tomorrow. */
function goesRound(events: readonly RecordedEvent[]): boolean {
  const last = events.slice(-2 * ROUNDS);
  const round = new Set(["run.claimed", "run.parked"]);
  return last.length === 2 * ROUNDS && last.every(({ type }) => round.has(type));
}
