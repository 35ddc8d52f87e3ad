/**
 * Which code this process has: the workflows that it was opened with, and those that it was lent for
 * single runs, by programs that made them up on the way.
 */
import type { RunState } from "../domain/state.ts";
import type { Workflow } from "../workflow/definition.ts";
import { hasCode } from "./has-code.ts";

export class Catalog {
  readonly #given: ReadonlyMap<string, Workflow>;
  readonly #lent = new Map<string, Workflow>();
  /** Called when `names` has come to hold another one. */
  onGrowth: () => void = () => undefined;

  constructor(given: ReadonlyMap<string, Workflow>) {
    this.#given = given;
  }

  /** Names of workflows whose runs this process can host, each once. */
  get names(): readonly string[] {
    const lent = Array.from(this.#lent.values(), ({ name }) => name);
    return [...new Set([...this.#given.keys(), ...lent])];
  }

  /**
   * For as long as it is lent, the run has this code here, whatever else has its name, and so have runs
   * of the same name and version that have none. Returns how to take it back.
   */
  lend(run: string, workflow: Workflow): () => void {
    const grows = !this.names.includes(workflow.name);
    this.#lent.set(run, workflow);
    if (grows) this.onGrowth();
    return () => {
      if (this.#lent.get(run) === workflow) this.#lent.delete(run);
    };
  }

  /** The code for a run, if this process has it. */
  codeFor(state: RunState): Workflow | undefined {
    const { workflow: name } = state.run.context;
    const own = [this.#lent.get(state.id), this.#given.get(name)];
    const found = own.find((workflow) => workflow !== undefined && hasCode(workflow, state));
    if (found !== undefined) return found;
    for (const workflow of this.#lent.values()) {
      const same = workflow.name === name && workflow.plan.version === state.plan?.version;
      if (same && hasCode(workflow, state)) return workflow;
    }
    return undefined;
  }
}
