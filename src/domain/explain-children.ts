/** Why a run waits, as far as its child runs are concerned. */
import { afterStep } from "./explain-steps.ts";
import { type RunState, stepActor } from "./state.ts";
import { some, type Wait } from "./wait.ts";

/** Child runs that have not ended. */
export function* childWaits(state: RunState): Generator<Wait> {
  const { stopping, requested, delegated } = state;
  yield* some(stopping, (step) => waitOf(state, step, "is to be asked to stop"));
  yield* some(requested, (step) => waitOf(state, step, "is to be started"));
  yield* some(delegated, (step) => waitOf(state, step, "has not ended"));
}

function waitOf(state: RunState, step: string, what: string): Wait {
  const { child, startedAt, endBy } = stepActor(state, step).context;
  const { createdAt, node } = state.run.context;
  const { run = "?", workflow = "?" } = child ?? {};
  return {
    kind: "child",
    step,
    what: `step ${step}: run ${run} of workflow ${workflow} ${what}`,
    since: startedAt ?? createdAt,
    until: endBy,
    by: state.delegated.has(step)
      ? `its end; \`millrace explain ${run}\` says what it waits for`
      : `its parent's host, node ${node ?? "that claims the run"}`,
    next: state.requested.has(step) ? "it runs" : afterStep(state, step),
  };
}
