/**
 * Which code this process has: the workflows that it was opened with, of some of them several versions, and
 * those that it was lent for single runs, by programs that made them up on the way.
 */

import {
  carries,
  isSameVersion,
  type Version,
  type WorkflowVersion,
} from "../../cluster/versions.ts";
import { declaredName } from "../../domain/plan.ts";
import type { RunState } from "../../domain/state.ts";
import type { Workflow } from "../../workflow/definition.ts";
import { hasCode } from "./has-code.ts";

export class Catalog {
  readonly #given: readonly Workflow[];
  readonly #lent = new Map<string, Workflow>();
  /** Looked at for every step that is placed. */
  #versions: readonly WorkflowVersion[] | undefined;
  /** Called when there is more of it than before. */
  onGrowth: () => void = () => undefined;

  /** @param given of several versions of one workflow, the first is what new runs begin with */
  constructor(given: readonly Workflow[]) {
    this.#given = given;
  }

  get #all(): readonly Workflow[] {
    return [...this.#given, ...this.#lent.values()];
  }

  /** Names of workflows whose runs this process can host, each once. */
  get names(): readonly string[] {
    return [...new Set(this.#all.map(({ name }) => name))];
  }

  /** Which versions of them it has, each once. */
  get versions(): readonly WorkflowVersion[] {
    this.#versions ??= versionsIn(this.#all);
    return this.#versions;
  }

  /**
   * For as long as it is lent, the run has this code here if it is of this version, whatever else has its
   * name, and so have other runs of that name and version. Returns how to take it back.
   */
  lend(run: string, workflow: Workflow): () => void {
    const grows = !this.names.includes(workflow.name);
    this.#lent.set(run, workflow);
    this.#versions = undefined;
    if (grows) this.onGrowth();
    return () => {
      if (this.#lent.get(run) === workflow) this.#lent.delete(run);
      this.#versions = undefined;
    };
  }

  /** The workflow of that name that this process was opened with, as new runs begin with it. */
  given(name: string): Workflow | undefined {
    return this.#given.find((workflow) => workflow.name === name);
  }

  /** Whether it may be that a run of that version has its code here; only the run's plan can tell for sure. */
  mayHave(workflow: string, version: Version): boolean {
    return carries({ workflows: this.names, versions: this.versions }, workflow, version) !== "no";
  }

  /** The code for a step of a run that is hosted elsewhere; best of the run's own version. */
  codeForStep(
    of: Version & { readonly workflow: string; readonly step: string },
  ): Workflow | undefined {
    const step = declaredName(of.step);
    const named = this.#all.filter(({ name }) => name === of.workflow);
    const fits = (one: Workflow): boolean =>
      isSameVersion(one.plan, of) && (one.kind === "code" || one.bodies.has(step));
    return (
      named.find(({ plan }) => plan.version === of.version) ??
      this.#given.find((one) => one.name === of.workflow && fits(one))
    );
  }

  /** The code for a run, if this process has it. */
  codeFor(state: RunState): Workflow | undefined {
    const { workflow: name } = state.run.context;
    const isOfIts = (workflow: Workflow | undefined): boolean =>
      workflow?.name === name && workflow.plan.version === state.plan?.version;
    const own = this.#lent.get(state.id);
    if (isOfIts(own)) return own;
    const given = this.#given.find((one) => one.name === name && hasCode(one, state));
    return given ?? [...this.#lent.values()].find(isOfIts);
  }
}

function versionsIn(workflows: readonly Workflow[]): readonly WorkflowVersion[] {
  const each = new Map<string, WorkflowVersion>();
  for (const { name: workflow, plan } of workflows) {
    const { version, label } = plan;
    const own = { workflow, version, ...(label === undefined ? {} : { label }) };
    each.set(`${workflow} ${version}`, own);
  }
  return [...each.values()];
}
