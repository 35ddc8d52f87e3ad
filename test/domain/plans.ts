/** Plans to decide runs by: any graph without a circle, with every option a step can have. */
import fc from "fast-check";
import type { CodePlan, GraphPlan, PlanStep, RetryPolicy } from "../../src/domain/plan.ts";
import type { PlanWait } from "../../src/domain/plan-wait.ts";
import { canonicalJson, digest, toJson } from "../../src/kernel/json.ts";

export const noRetry: RetryPolicy = {
  maxAttempts: 1,
  initialMs: 0,
  factor: 1,
  maxMs: 0,
  jitter: 0,
};

/** A step that runs once after its needs; `more` says what is special about it. */
export const planStep = (name: string, more: Partial<PlanStep> = {}): PlanStep => ({
  name,
  needs: more.over === undefined ? [] : [more.over],
  policy: { retry: noRetry },
  ...more,
});

export function graphPlan(
  steps: readonly PlanStep[],
  more: Partial<Omit<GraphPlan, "kind" | "steps" | "version">> = {},
): GraphPlan {
  const last = steps.at(-1)?.name ?? "";
  const content = { kind: "graph", retryBudget: 10, returns: last, steps, ...more } as const;
  return { ...content, version: digest(canonicalJson(toJson("plan", content))) };
}

export const codePlan = (retryBudget = 10): CodePlan => ({
  kind: "code",
  version: digest(`code ${retryBudget}`),
  retryBudget,
});

const policies = fc.record(
  {
    retry: fc.record({
      maxAttempts: fc.integer({ min: 1, max: 3 }),
      initialMs: fc.constantFrom(0, 10),
      factor: fc.constant(2),
      maxMs: fc.constant(100),
      jitter: fc.constantFrom(0, 0.5),
    }),
    scheduleToStartMs: fc.integer({ min: 1, max: 40 }),
    startToCloseMs: fc.constant(1_000),
    whenFailed: fc.constantFrom("hold" as const, "fail" as const),
    whenUndoFailed: fc.constant("hold" as const),
  },
  { requiredKeys: ["retry"], noNullPrototype: true },
);

const timeouts = fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined });

/** What a step may wait for: nobody but `b` may decide, or anybody. */
const waits: fc.Arbitrary<PlanWait> = fc.oneof(
  fc.record({ kind: fc.constant("sleep" as const), ms: fc.nat(60) }, { noNullPrototype: true }),
  fc
    .record({ kind: fc.constant("signal" as const), signal: fc.constantFrom("n", "m") })
    .chain((wait) => timeouts.map((timeoutMs) => withTimeout(wait, timeoutMs))),
  fc
    .record({
      kind: fc.constant("approval" as const),
      prompt: fc.constant("p"),
      approvers: fc.constantFrom(["b"], ["a", "b"]),
      onTimeout: fc.constantFrom("reject" as const, "approve" as const, "fail" as const),
    })
    .chain((wait) => timeouts.map((timeoutMs) => withTimeout(wait, timeoutMs))),
);

const withTimeout = <W extends object>(
  wait: W,
  timeoutMs: number | undefined,
): W & { timeoutMs?: number } => (timeoutMs === undefined ? { ...wait } : { ...wait, timeoutMs });

/** What may be special about the step at one place; `needs` are bits: which earlier steps it takes. */
const traits = fc.record(
  {
    needs: fc.nat(255),
    over: fc.nat(9),
    concurrency: fc.integer({ min: 1, max: 3 }),
    conditional: fc.constant(true as const),
    undo: fc.constant(true as const),
    wait: waits,
    child: fc.constantFrom("cancel" as const, "abandon" as const, "wait" as const),
    policy: policies,
  },
  { requiredKeys: ["needs", "policy"], noNullPrototype: true },
);

type Traits = typeof traits extends fc.Arbitrary<infer T> ? T : never;

function toStep(traits: Traits, index: number): PlanStep {
  const { needs, over, concurrency, conditional, undo, wait, child, policy } = traits;
  const name = `s${index}`;
  const shared = {
    policy,
    ...(undo === undefined ? {} : { undo }),
    ...(child === undefined ? {} : { child: { workflow: "w", onParentClose: child } }),
  };
  if (over !== undefined && index > 0) {
    const mapped = planStep(name, { over: `s${over % index}`, ...shared });
    return concurrency === undefined ? mapped : { ...mapped, concurrency };
  }
  const earlier = Array.from({ length: index }, (_, other) => other);
  const taken = earlier.filter((other) => (needs >> other) & 1).map((other) => `s${other}`);
  const step = planStep(name, { needs: taken, ...(wait === undefined ? shared : { wait }) });
  return conditional === undefined ? step : { ...step, conditional };
}

const bounds = fc.record(
  {
    concurrency: fc.integer({ min: 1, max: 3 }),
    onFailure: fc.constant("continue" as const),
    whenFailed: fc.constant("hold" as const),
  },
  { requiredKeys: [], noNullPrototype: true },
);

/** One to seven steps: chains, fans, diamonds, islands; mapped and conditional ones among them. */
export const graphPlans: fc.Arbitrary<GraphPlan> = fc
  .tuple(fc.array(traits, { minLength: 1, maxLength: 7 }), fc.nat(), fc.nat(6), bounds)
  .map(([all, returns, retryBudget, bound]) => {
    const steps = all.map(toStep);
    return graphPlan(steps, { retryBudget, returns: `s${returns % steps.length}`, ...bound });
  });
