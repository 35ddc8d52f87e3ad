/** What attempts take of their nodes at each event of the log: a fold over the events of all runs, in its order. */

import type { StepRequest } from "../cluster/allocator.ts";
import { add, NOTHING, ONE_SLOT, type Resources, subtract } from "../cluster/resources.ts";
import type { CodePlan } from "../domain/plan.ts";
import { type RecordedEvent, RUN_ENDS } from "../events/vocabulary.ts";

interface Attempt {
  readonly node: string;
  readonly takes: Resources;
}

export class RecordedLoad {
  /** By run, by step. */
  readonly #running = new Map<string, Map<string, Attempt>>();
  readonly #taken = new Map<string, Resources>();
  #all: Resources = NOTHING;
  /** Runs driven by hand: whoever drives them counts nothing. */
  readonly #byHand = new Set<string>();

  /** What all attempts on the node take together, after the events so far. */
  of(node: string): Resources {
    return this.#taken.get(node) ?? NOTHING;
  }

  /** The same on all nodes together. */
  get all(): Resources {
    return this.#all;
  }

  /** The next event. */
  take(event: RecordedEvent): void {
    if (event.type === "run.created" && (event.plan as Partial<CodePlan>)?.declares !== undefined) {
      this.#byHand.add(event.run);
    }
    if (event.type === "step.started") {
      if (this.#byHand.has(event.run)) return;
      const { run, step, node, placement } = event;
      const { resources } = (placement?.request as StepRequest | undefined) ?? {
        resources: ONE_SLOT,
      };
      const steps = this.#running.get(run) ?? new Map<string, Attempt>();
      this.#running.set(run, steps);
      steps.set(step, { node, takes: resources });
      this.#taken.set(node, add(this.of(node), resources));
      this.#all = add(this.#all, resources);
    } else if (RUN_ENDS.has(event.type)) {
      for (const step of this.#running.get(event.run)?.keys() ?? []) this.#end(event.run, step);
      this.#running.delete(event.run);
    } else if ("step" in event && event.type.startsWith("step.")) {
      this.#end(event.run, event.step ?? "");
    }
  }

  /** Whatever else becomes of a step, its attempt is over. */
  #end(run: string, step: string): void {
    const attempt = this.#running.get(run)?.get(step);
    if (attempt === undefined) return;
    this.#running.get(run)?.delete(step);
    this.#taken.set(attempt.node, subtract(this.of(attempt.node), attempt.takes));
    this.#all = subtract(this.#all, attempt.takes);
  }
}
