/** How full the limits of workflows are: for people who ask why nothing begins. */
import { type LimitState, limitStates } from "../../domain/gate-use.ts";
import type { Projector } from "../../engine/reading/projector.ts";
import type { Gates } from "../../engine/records/gates.ts";
import { checkId } from "../../kernel/ids.ts";
import type { RunSummaries } from "../../projections/run-summary.ts";
import { callOptions } from "../options.ts";

/** Which limits `limits` gives. */
export interface LimitsOptions {
  /** @default every workflow with runs that have limits */
  readonly workflow?: string;
}

/** One limit of a workflow for one key. */
export interface WorkflowLimit extends LimitState {
  readonly workflow: string;
}

/** See `Client.limits`. */
export async function listLimits(
  gates: Gates,
  summaries: Projector<RunSummaries>,
  options: LimitsOptions,
): Promise<readonly WorkflowLimit[]> {
  const { workflow } = callOptions("limits()", options, ["workflow"]);
  const names =
    workflow === undefined
      ? gatesOf(await summaries.current())
      : [checkId("workflow name", workflow)];
  const all = await Promise.all(
    names.map(async (name) => {
      const states = await gates.look(name, limitStates);
      return states.map((state) => ({ workflow: name, ...state }));
    }),
  );
  return all.flat();
}

const gatesOf = (view: RunSummaries): string[] =>
  [...new Set([...view.values()].flatMap(({ gate }) => gate ?? []))].sort();
