/** What a step's function is called with, from the results that the log holds. */
import type { Value } from "../../../machines/values.ts";
import { itemOf, type PlanStep, undoOf } from "../../domain/plan.ts";
import { planStep, type RunState, stepActor } from "../../domain/state.ts";
import type { Json } from "../../kernel/json.ts";
import { fromValue, type ValueSource } from "../values/values.ts";

/** Results of one run as JSON, each read and parsed once however many steps take it. */
export class Results {
  /** Where they are read from. */
  readonly source: ValueSource;
  readonly #known = new Map<string, Promise<Json>>();

  constructor(source: ValueSource) {
    this.source = source;
  }

  /** The input of a step, an item, or (no needs) the run's own. The caller must not change it. */
  async inputOf(state: RunState, id: string): Promise<Json | undefined> {
    const { input: changed } = stepActor(state, id).context;
    if (changed !== null) return this.#read(undefined, changed, state);
    const undone = undoOf(id);
    if (undone !== undefined) return this.#resultOf(state, undone);
    const step = planStep(state, id);
    if (step === undefined || step.needs.length === 0) return this.runInput(state);
    const item = itemOf(id);
    if (item !== undefined) return (await this.listFor(state, step))?.[item.index];
    const input: Record<string, Json> = {};
    for (const need of step.needs) {
      const result = await this.#resultOf(state, need);
      if (result !== undefined) input[need] = result;
    }
    return input;
  }

  runInput(state: RunState): Promise<Json> {
    return this.#read("", state.run.context.input, state);
  }

  /** The list that a mapped step fans out over; undefined when the result is no list. A skipped step's is empty. */
  async listFor(state: RunState, step: PlanStep): Promise<readonly Json[] | undefined> {
    const { input: changed } = stepActor(state, step.name).context;
    const result =
      changed !== null
        ? await this.#read(undefined, changed, state)
        : await this.#resultOf(state, step.over ?? "");
    if (result === undefined) return [];
    return Array.isArray(result) ? (result as readonly Json[]) : undefined;
  }

  /** Undefined for a step that was skipped. */
  async #resultOf(state: RunState, step: string): Promise<Json | undefined> {
    const { output } = stepActor(state, step).context;
    return output === null ? undefined : this.#read(step, output, state);
  }

  /** @param name under which it is kept; undefined: it may change */
  #read(name: string | undefined, value: Value, state: RunState): Promise<Json> {
    const known = this.#known.get(name ?? "");
    if (name !== undefined && known !== undefined) return known;
    const reading = fromValue(this.source, value, state);
    if (name === undefined) return reading;
    // Inline values are at hand anyway; what had to be fetched or put together is worth keeping.
    if (!("json" in value)) {
      this.#known.set(name, reading);
      reading.catch(() => this.#known.delete(name));
    }
    return reading;
  }
}
