/** From a DAG to a graph workflow: a step for every function that is not inline, and for every conversion. */
import type { GraphPlan } from "../domain/plan.ts";
import { type Clock, systemClock } from "../kernel/clock.ts";
import { canonicalJson, digest, toJson } from "../kernel/json.ts";
import { compileGraph } from "./compile.ts";
import { callFunction, type Functions, needsOf, type ResultsById } from "./dag-call.ts";
import { checkDag } from "./dag-checks.ts";
import { withConversions } from "./dag-conversions.ts";
import type { DagFunction } from "./dag-function.ts";
import { staged } from "./dag-stage.ts";
import { type Declared, declareStep } from "./declare.ts";
import type { GraphWorkflow } from "./definition.ts";
import type { RetryOptions } from "./policy.ts";
import type { StepContext } from "./step-context.ts";

/** What is compiled. */
export interface DagContent {
  readonly version?: string;
  readonly functions: readonly DagFunction[];
}

/** Handoff's own. */
const DEFAULT_STRATEGY = "first-available";
/** Further attempts of functions about which neither they nor the call say anything. */
const DEFAULT_MAX_RETRIES = 3;

/**
 * @param name the workflow's name
 * @param clock by which batches wait to be complete
 * @throws MillraceError `E_DEF_DUPLICATE`, `E_DEF_UNKNOWN_STEP`, `E_DEF_CYCLE`, `E_DEF_INVALID`, `E_DEF_EMPTY`
 */
export function compileDag(
  { version, functions }: DagContent,
  name: string,
  clock: Clock = systemClock(),
): GraphWorkflow<unknown, unknown> {
  checkDag(`dag ${name}`, functions);
  const all = withConversions(functions).map((fn) => staged(fn, clock));
  const byId: Functions = new Map(all.map((fn) => [fn.id, fn]));
  const declared = all.filter((fn) => !fn.inline).map((fn) => declare(byId, fn));
  const header = {
    name,
    // How often a function is tried again is its own affair.
    retryBudget: Number.MAX_SAFE_INTEGER,
    strategy: DEFAULT_STRATEGY,
    parts: version === undefined ? {} : { version },
  };
  const last = functions.findLast((fn) => !fn.inline);
  return compileGraph(header, declared, last?.id) as GraphWorkflow<unknown, unknown>;
}

function declare(functions: Functions, fn: DagFunction): Declared {
  const needs = needsOf(functions, fn);
  const { node, collocated: collocateWith, cost: resources, durability } = fn;
  const retry = atOnce(fn.maxRetries ?? DEFAULT_MAX_RETRIES);
  const options = { needs, retry, node, collocateWith, resources, durability };
  // A step without needs gets the run's input instead of results.
  return declareStep(fn.id, options, (ctx: StepContext, results: ResultsById) =>
    callFunction(functions, fn, ctx, needs.length === 0 ? {} : results),
  );
}

/** Handoff waits for nothing between attempts. */
const atOnce = (maxRetries: number): Required<RetryOptions> => ({
  maxAttempts: maxRetries + 1,
  initial: 0,
  factor: 1,
  max: 0,
  jitter: 0,
});

/** What one call may ask of a DAG's run, otherwise than its functions say. */
export interface DagCall {
  /** For functions that say nothing themselves. */
  readonly maxRetries?: number;
  readonly maxConcurrency?: number;
  readonly onFailure?: "fail-fast" | "continue";
  readonly strategy?: string;
}

/** The plan of one call. */
export function planOfCall(
  plan: GraphPlan,
  functions: readonly DagFunction[],
  call: DagCall,
): GraphPlan {
  const { maxRetries, maxConcurrency, onFailure, strategy } = call;
  const own = new Set(functions.filter((fn) => fn.maxRetries !== undefined).map(({ id }) => id));
  const steps =
    maxRetries === undefined
      ? plan.steps
      : plan.steps.map((step) => {
          if (own.has(step.name)) return step;
          const retry = { ...step.policy.retry, maxAttempts: maxRetries + 1 };
          return { ...step, policy: { ...step.policy, retry } };
        });
  return {
    ...plan,
    steps,
    ...(maxConcurrency === undefined ? {} : { concurrency: maxConcurrency }),
    ...(onFailure === "continue" ? { onFailure } : {}),
    ...(strategy === undefined ? {} : { strategy }),
    variant: digest(canonicalJson(toJson("call", call))),
  };
}
