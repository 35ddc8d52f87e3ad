/**
 * Which code this process has: the workflows that it was opened with, and those that it was lent for
 * single runs, by programs that made them up on the way.
 */

import { declaredName } from "../domain/plan.ts";
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
   * For as long as it is lent, the run has this code here if it is of this version, whatever else has its
   * name, and so have other runs of that name and version. Returns how to take it back.
   */
  lend(run: string, workflow: Workflow): () => void {
    const grows = !this.names.includes(workflow.name);
    this.#lent.set(run, workflow);
    if (grows) this.onGrowth();
    return () => {
      if (this.#lent.get(run) === workflow) this.#lent.delete(run);
    };
  }

  /** The workflow of that name that this process was opened with. */
  given(name: string): Workflow | undefined {
    return this.#given.get(name);
  }

  /** Whether this process has the code for a step of a run that is hosted elsewhere. */
  hasStep(workflow: string, version: string, step: string): boolean {
    return this.codeForStep(workflow, version, declaredName(step)) !== undefined;
  }

  /** The code for a declared step of a run that is hosted elsewhere; best of the run's own version. */
  codeForStep(name: string, version: string, step: string): Workflow | undefined {
    const all = [this.#given.get(name), ...this.#lent.values()];
    const named = all.filter((one): one is Workflow => one?.name === name);
    const given = this.#given.get(name);
    const fits = given !== undefined && (given.kind === "code" || given.bodies.has(step));
    return named.find(({ plan }) => plan.version === version) ?? (fits ? given : undefined);
  }

  /** The code for a run, if this process has it. */
  codeFor(state: RunState): Workflow | undefined {
    const { workflow: name } = state.run.context;
    const isOfIts = (workflow: Workflow | undefined): boolean =>
      workflow?.name === name && workflow.plan.version === state.plan?.version;
    const own = this.#lent.get(state.id);
    if (isOfIts(own)) return own;
    const given = this.#given.get(name);
    if (given !== undefined && hasCode(given, state)) return given;
    return [...this.#lent.values()].find(isOfIts);
  }
}
