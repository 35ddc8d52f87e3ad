/**
 * Finds out whether a workflow keeps its word, whatever happens to the processes that host it: random
 * inputs, whatever goes on beside each other in random order, a crash before and after every commit,
 * signals that come twice and late. What fails is shrunk to the smallest input and the first crash.
 */
import { AssertionError } from "node:assert";
import fc from "fast-check";
import { callOptions, invalidOption, wholeOption } from "../client/options.ts";
import type { Duration } from "../kernel/duration.ts";
import type { Workflow } from "../workflow/definition.ts";
import { differences } from "./simulation/compare-lives.ts";
import type { EffectLedger } from "./simulation/effects.ts";
import { CaseFailure, examine } from "./simulation/examine.ts";
import type { Life, LifePlan, Outcome, TestSignal } from "./simulation/life.ts";
import type { Outside } from "./simulation/outside.ts";
import { reproduction } from "./simulation/reproduction.ts";
import { PATIENCE } from "./simulation/test-run.ts";

/** A workflow, with those that it starts itself behind it; or a function that makes it of fakes. */
export type TestedWorkflow<I, O> =
  | Workflow<I, O>
  | readonly [Workflow<I, O>, ...Workflow[]]
  | ((outside: Outside) => Workflow<I, O> | readonly [Workflow<I, O>, ...Workflow[]]);

/** What `checkWorkflow` may be told. */
export interface CheckWorkflowOptions<I> {
  /** What runs are started with: an arbitrary of fast-check, or a list to pick from. */
  readonly inputs: fc.Arbitrary<I> | readonly I[];
  /** How many inputs; each is lived about two times per commit of its run. @default 25 */
  readonly runs?: number;
  /** What the run is sent from outside. @default nothing */
  readonly signals?: readonly TestSignal[] | ((input: I) => readonly TestSignal[]);
  /** Of everything that is random; printed when something is found. @default a new one */
  readonly seed?: number;
  /** Where in the sequence of that seed to begin; printed when something is found. */
  readonly path?: string;
  /**
   * What is wrong with a disturbed life, in sentences; it may throw as well. `differences(a, b)` is what is
   * said otherwise. @default that outcome and effects are not those of the undisturbed life
   */
  readonly compare?: (undisturbed: Life, disturbed: Life) => readonly string[] | undefined;
  /** What is wrong with any one life, disturbed or not, in sentences; it may throw as well. @default nothing */
  readonly holds?: (life: Life, input: I) => readonly string[] | undefined;
  /** Where the workflow's steps write down what they do outside, when it was not made by a function. */
  readonly effects?: EffectLedger;
  /** What the node has, for steps that need it: see `OpenOptions`. @default nothing but slots */
  readonly resources?: Readonly<Record<string, number>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** Simulated time after which a run must have ended or wait for somebody. @default "52w" */
  readonly within?: Duration;
  /** See `TestRuntimeOptions`. @default 100 */
  readonly patienceMs?: number;
}

/** What was looked at, when nothing was found. */
export interface WorkflowReport {
  readonly inputs: number;
  /** Runs that were lived, from start to end. */
  readonly lives: number;
  readonly crashes: number;
  /** Most commits of one undisturbed life. */
  readonly commits: number;
  /** How the lives ended. */
  readonly outcomes: Readonly<Record<Outcome["status"], number>>;
}

const KNOWN = [
  "inputs",
  "runs",
  "signals",
  "seed",
  "path",
  "compare",
  "holds",
  "effects",
  "resources",
  "labels",
  "within",
  "patienceMs",
] as const;
const DEFAULT_RUNS = 25;
/** Seeds of orders: small enough to be read, large enough to be different. */
const ORDERS_MAX = 9_999;

/**
 * Checks a workflow. Nothing takes real time that does not in the workflow's own steps.
 * @throws AssertionError that says what was found, in which case, and how to run it again
 * @throws MillraceError `E_OPTION_INVALID`
 */
export async function checkWorkflow<I, O>(
  workflow: TestedWorkflow<I, O>,
  options: CheckWorkflowOptions<I>,
): Promise<WorkflowReport> {
  const given = callOptions("checkWorkflow()", options, KNOWN);
  const { runs = DEFAULT_RUNS, signals = [], seed, path } = given;
  wholeOption("runs", runs, 1);
  const { compare = differences, holds = () => [] } = given;
  const tally = new Tally();
  const inputs = arbitraryOf(given.inputs);
  const property = fc.asyncProperty(inputs, fc.nat(ORDERS_MAX), async (input, order) => {
    tally.input();
    const plan: LifePlan = {
      workflows: (outside) => listOf(workflow, outside),
      input,
      signals: typeof signals === "function" ? signals(input) : signals,
      seed: order,
      effects: given.effects,
      node: nodeOf(given),
      within: given.within ?? PATIENCE,
      patienceMs: given.patienceMs,
    };
    await examine(plan, {
      lived: (life) => tally.life(life),
      wrong: (life) => told(() => holds(life, input)),
      different: (calm, disturbed) => told(() => compare(calm, disturbed)),
    });
  });
  const details = await fc.check(property, {
    numRuns: runs,
    ...(seed === undefined ? {} : { seed }),
    ...(path === undefined ? {} : { path }),
  });
  if (!details.failed) return tally.report();
  const { errorInstance: error } = details;
  if (!(error instanceof CaseFailure)) throw error;
  const message = reproduction(error, { ...details, path: details.counterexamplePath ?? "" });
  throw new AssertionError({ message, operator: "checkWorkflow" });
}

const nodeOf = ({
  resources,
  labels,
}: Pick<CheckWorkflowOptions<unknown>, "resources" | "labels">): LifePlan["node"] => ({
  ...(resources === undefined ? {} : { resources }),
  ...(labels === undefined ? {} : { labels }),
});

function arbitraryOf<I>(inputs: fc.Arbitrary<I> | readonly I[] | undefined): fc.Arbitrary<I> {
  if (inputs instanceof fc.Arbitrary) return inputs;
  if (Array.isArray(inputs) && inputs.length > 0) return fc.constantFrom(...(inputs as I[]));
  throw invalidOption("inputs", "must be an arbitrary of fast-check, or a list that is not empty");
}

function listOf<I, O>(
  workflow: TestedWorkflow<I, O>,
  outside: Outside,
): readonly [Workflow, ...Workflow[]] {
  const made = typeof workflow === "function" ? workflow(outside) : workflow;
  return (Array.isArray(made) ? made : [made]) as unknown as readonly [Workflow, ...Workflow[]];
}

/** Users' own assertions say what they have to say by throwing. */
function told(say: () => readonly string[] | undefined): readonly string[] {
  try {
    return say() ?? [];
  } catch (thrown) {
    return [thrown instanceof Error ? thrown.message : String(thrown)];
  }
}

/** What was looked at so far. */
class Tally {
  #inputs = 0;
  #lives = 0;
  #crashes = 0;
  #commits = 0;
  readonly #outcomes = { completed: 0, failed: 0, cancelled: 0, waiting: 0 };

  input(): void {
    this.#inputs++;
  }

  life({ crashes, commits, outcome }: Life): void {
    this.#lives++;
    this.#crashes += crashes.length;
    if (crashes.length === 0) this.#commits = Math.max(this.#commits, commits);
    this.#outcomes[outcome.status]++;
  }

  report(): WorkflowReport {
    return {
      inputs: this.#inputs,
      lives: this.#lives,
      crashes: this.#crashes,
      commits: this.#commits,
      outcomes: this.#outcomes,
    };
  }
}
