/** One run in a test: as a program holds it, with simulated time going by for whatever it waits for. */

import type { RunView } from "../../client/looking/run-view.ts";
import type { RunHandle } from "../../client/run-handle.ts";
import type { DecisionOptions } from "../../client/telling/approvals.ts";
import type { RequestOptions } from "../../client/telling/tell-run.ts";
import type { Explanation } from "../../domain/explain.ts";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import { type Duration, millis } from "../../kernel/duration.ts";
import type { Simulation } from "./simulation.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** Simulated time that a test waits for something, unless it says otherwise. */
export const PATIENCE: Duration = "52w";

/** A run of a `TestRuntime`. */
export class TestRun<O = unknown> {
  readonly id: string;
  readonly #handle: RunHandle<O>;
  readonly #time: VirtualTime;
  readonly #simulation: Simulation;

  constructor(handle: RunHandle<O>, time: VirtualTime, simulation: Simulation) {
    this.id = handle.id;
    this.#handle = handle;
    this.#time = time;
    this.#simulation = simulation;
  }

  /**
   * What the run returned. Lets time go by until there is something.
   * @param within simulated time; the call fails with Error when it takes longer
   * @throws MillraceError `E_RUN_FAILED`, `E_RUN_CANCELLED`
   */
  result(within: Duration = PATIENCE): Promise<O> {
    return this.#time.until(this.#handle.result(), millis("within", within));
  }

  /** Tells the run something; see `RunHandle.signal`. */
  signal(name: string, payload?: unknown, options?: { id?: string }): Promise<void> {
    return this.#handle.signal(name, payload, options);
  }

  /** Approves what the run asks people; see `RunHandle.approve`. */
  approve(name: string, options: DecisionOptions): Promise<void> {
    return this.#handle.approve(name, options);
  }

  /** Rejects it. */
  reject(name: string, options: DecisionOptions): Promise<void> {
    return this.#handle.reject(name, options);
  }

  /** Asks the run to stop. */
  cancel(options?: RequestOptions): Promise<void> {
    return this.#handle.cancel(options);
  }

  /** Asks the run to begin nothing new. */
  pause(options?: RequestOptions): Promise<void> {
    return this.#handle.pause(options);
  }

  /** Lets a paused run go on. */
  resume(options?: RequestOptions): Promise<void> {
    return this.#handle.resume(options);
  }

  /** The run as it is now. */
  state(): Promise<RunView> {
    return this.#handle.get();
  }

  /** Why it is not finished. */
  explain(): Promise<Explanation> {
    return this.#handle.explain();
  }

  /** Its events so far. */
  events(): Promise<readonly RecordedEvent[]> {
    return this.#simulation.events(this.id);
  }
}
