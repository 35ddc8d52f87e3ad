/** Values that no node has any more, made again by running the steps that made them. */
import type { KeptOnNode, Value } from "../../../machines/values.ts";
import type { StepPolicy } from "../../domain/plan.ts";
import { planStep, type RunState, stepActor } from "../../domain/state.ts";
import { MillraceError } from "../../kernel/errors.ts";
import type { Json } from "../../kernel/json.ts";
import type { StepBody } from "../../workflow/definition.ts";
import { DEFAULT_RETRY } from "../../workflow/policy.ts";
import { toError } from "../../workflow/step-failure.ts";
import { launch } from "../attempts/launch.ts";
import { bodyOf } from "../attempts/step-code.ts";
import type { Engine } from "../engine.ts";
import type { Catalog } from "../hosting/catalog.ts";
import { stepBody } from "../turn/step-body.ts";
import { Results } from "../turn/step-input.ts";
import { policyOf, type TurnContext } from "../turn/turn-context.ts";
import { jsonIn, type MakeAgain, valuesOf } from "./kept-values.ts";
import { copiesOf, lost } from "./local-copies.ts";

/** What it takes to run a step again. */
export interface Lineage {
  readonly engine: Engine;
  readonly results: Results;
  readonly body: StepBody | undefined;
  readonly policy: StepPolicy;
}

/**
 * Runs the step's function again, as a part of what needs its value: no attempt of its own. What it needs
 * itself may have to be made again first. It must return the very same.
 * @throws MillraceError `E_VALUE_LOST`; what the function throws
 */
export async function runAgain(
  { engine, results, body, policy }: Lineage,
  { step, node, kept }: KeptOnNode,
  state: RunState,
): Promise<Json> {
  if (body === undefined) throw lost(node, kept, "is gone, and this process has no code for it");
  const again = launch({
    engine,
    run: { id: state.id, workflow: state.run.context.workflow },
    step,
    attempt: stepActor(state, step).context.attempt,
    body,
    policy: { ...policy, durability: "node" },
    input: results.inputOf(state, step),
    runInput: results.runInput(state),
    record: () => Promise.reject(hasEnded(step)),
    late: () => undefined,
  });
  const outcome = await again.done;
  if (!outcome.ok) throw toError(outcome.error);
  if (keptAs(outcome.output) === kept) {
    const here = await copiesOf(engine).read(kept);
    if (here !== undefined) return jsonIn(here);
  }
  throw lost(node, kept, `is gone, and step ${step}, run again, did not return the same`);
}

const keptAs = (value: Value): string | undefined => ("kept" in value ? value.kept : undefined);

const hasEnded = (step: string): MillraceError =>
  new MillraceError(
    "E_CTX_CLOSED",
    `step ${step} has ended and runs again only for what it returns; nothing of it is recorded`,
  );

/** Results of a run that is hosted here: what is lost is made again with the code that its host has. */
export function resultsOf(engine: Engine, context: () => TurnContext): Results {
  const makeAgain: MakeAgain = (value, state) => {
    const now = context();
    const body = stepBody(now, state, value.step);
    const policy = policyOf(now, state, value.step);
    return runAgain({ engine, results, body, policy }, value, state);
  };
  const results = new Results(valuesOf(engine, makeAgain));
  return results;
}

/** Makes values again with the code that this process has. */
export function lineageOf(engine: Engine, catalog: Catalog): MakeAgain {
  const results = new Results(valuesOf(engine, (value, state) => makeAgain(value, state)));
  const makeAgain: MakeAgain = async (value, state) => {
    const { id: run, plan } = state;
    const { workflow } = state.run.context;
    const { version = "", label } = plan ?? {};
    const named = { version, ...(label === undefined ? {} : { label }) };
    const body = await bodyOf(
      { engine, catalog, results },
      { run, workflow, step: value.step, ...named },
    );
    const policy = planStep(state, value.step)?.policy ?? { retry: DEFAULT_RETRY };
    return runAgain({ engine, results, body, policy }, value, state);
  };
  return makeAgain;
}
