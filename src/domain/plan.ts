/**
 * A plan: what a workflow definition is reduced to when a run starts, and frozen into its first event.
 * From then on the run is decided by this plan alone, whatever the code says later.
 */
import type { OnParentClose } from "../../machines/child-data.ts";
import type { Collocated } from "../cluster/collocation.ts";
import type { Labels } from "../cluster/labels.ts";
import type { Resources } from "../cluster/resources.ts";
import { isPlanWait, type PlanWait } from "./plan-wait.ts";

/** When and how often a failed step is tried again. */
export interface RetryPolicy {
  /** Attempts in all, the first included; 1: never again. */
  readonly maxAttempts: number;
  readonly initialMs: number;
  /** Each wait is this many times the one before. */
  readonly factor: number;
  readonly maxMs: number;
  /** 0 to 1: which share of a wait is random. 0: none, 1: anywhere between nothing and all of it. */
  readonly jitter: number;
}

/** Where a step may run, and what it takes there. */
export interface StepPlace {
  /** Besides one slot. */
  readonly resources?: Resources;
  /** This node and no other. */
  readonly node?: string;
  /** Where that step of the run runs, if it has been placed. */
  readonly collocateWith?: string;
  /** Only nodes with these labels. */
  readonly labels?: Labels;
  /** Nodes that run fewer steps of this kind go first. */
  readonly spread?: true;
}
/** What becomes of a step that fails for good: its run sees the failure, or somebody must look at it first. */
export type WhenFailed = "fail" | "hold";

/** How one step is run. */
export interface StepPolicy {
  /** Absent: it takes one slot of any node. */
  readonly place?: StepPlace;
  readonly retry: RetryPolicy;
  /** From the moment it could run to its beginning. */
  readonly scheduleToStartMs?: number;
  /** One attempt, from beginning to end. */
  readonly startToCloseMs?: number;
  /** Longest silence of a running attempt; its `ctx.heartbeat()` breaks it. */
  readonly heartbeatMs?: number;
  /** What it does cannot be undone by anybody: a fork that would do it again has to say that it may. */
  readonly irreversible?: true;
  /** Where what it returns is kept; absent: in the log, or as a blob. */
  readonly durability?: "node";
  /** Of itself, and of what undoes it; absent: as the plan says. */
  readonly whenFailed?: WhenFailed;
  readonly whenUndoFailed?: WhenFailed;
}

/** The run that does a step's work, as the plan declares it. */
export interface PlanChild {
  readonly workflow: string;
  readonly onParentClose: OnParentClose;
  /** The step fails, and the child is asked to stop, when it has not ended after so many ms. */
  readonly timeoutMs?: number;
}

/** A step as the plan declares it. */
export interface PlanStep {
  readonly name: string;
  /** Steps whose results it takes. */
  readonly needs: readonly string[];
  /** It runs once for every item of this step's result (a list). Also among `needs`. */
  readonly over?: string;
  /** Items that may run at once; absent: no bound of its own. */
  readonly concurrency?: number;
  /** It can be undone: done when the run fails or is cancelled after it has completed. */
  readonly undo?: true;
  /** The code decides, once its needs are there, whether it runs or is skipped. */
  readonly conditional?: true;
  /** It runs nothing: it waits, and ends when that does. */
  readonly wait?: PlanWait;
  readonly policy: StepPolicy;
  /** Its work, or that of each of its items, is a run of its own. */
  readonly child?: PlanChild;
}

interface PlanBase {
  /** Digest of the definition: of the plan for a graph, of its name and version for code. */
  readonly version: string;
  /** What the author calls this version; absent: nothing. See `isSameVersion`. */
  readonly label?: string;
  /** Digest of what was asked for this run otherwise than the definition says; absent: nothing. */
  readonly variant?: string;
  /** Retries that all steps of one run may use together. */
  readonly retryBudget: number;
  /** Steps of one run that may run at once; absent: no bound of its own. */
  readonly concurrency?: number;
  /** Which strategy chooses the nodes of its steps; absent: the run's host, while there is room. */
  readonly strategy?: string;
  /** How long steps may take to end by themselves when the run is cancelled; absent: the default. */
  readonly cancelGraceMs?: number;
  /** For steps that do not say; absent: `fail`. */
  readonly whenFailed?: WhenFailed;
  readonly whenUndoFailed?: WhenFailed;
}

/** All steps are declared, with what each needs. */
export interface GraphPlan extends PlanBase {
  readonly kind: "graph";
  readonly steps: readonly PlanStep[];
  /** The step whose result is the run's. */
  readonly returns: string;
  /**
   * What does not need the step that failed goes on, and then the run fails. Absent: the first failure
   * stops everything.
   */
  readonly onFailure?: "continue";
}

/** The workflow is an async function; its steps become known when it asks for them. */
export interface CodePlan extends PlanBase {
  readonly kind: "code";
  /**
   * There is no such function: the run is driven by hand, through the stores, and nobody hosts it. Names
   * of steps that it said it would have; it may have others.
   */
  readonly declares?: readonly string[];
  /** Events after which `ctx.continueIfLong` goes on as another run; absent: `limits.continueAtEvents`. */
  readonly continueAt?: number;
}

/** What `run.created` carries as `plan`. */
export type Plan = GraphPlan | CodePlan;

/** Anything that needs others of its kind. */
export type Needing = Pick<PlanStep, "name" | "needs">;

/** A graph plan, looked up by name and by direction. Built once per plan, shared by its runs. */
export interface Graph<Step extends Needing = PlanStep> {
  readonly steps: ReadonlyMap<string, Step>;
  readonly dependents: ReadonlyMap<string, readonly string[]>;
}

/** The look-up of a plan's steps. Linear in steps and needs. */
export function graphOf<Step extends Needing>(declared: readonly Step[]): Graph<Step> {
  const steps = new Map(declared.map((step) => [step.name, step]));
  const dependents = new Map<string, string[]>(declared.map((step) => [step.name, []]));
  for (const step of declared) {
    for (const need of step.needs) dependents.get(need)?.push(step.name);
  }
  return { steps, dependents };
}

/** What the step says about others that it runs with. */
export const collocated = ({ name, policy }: PlanStep): Collocated => {
  const { collocateWith, resources, node } = policy.place ?? {};
  return {
    name,
    ...(collocateWith === undefined ? {} : { with: collocateWith }),
    ...(resources === undefined ? {} : { resources }),
    ...(node === undefined ? {} : { pin: node }),
  };
};

/** Id of an item of a mapped step. Step names hold no brackets, so it is nobody's name. */
export const itemId = (step: string, index: number): string => `${step}[${index}]`;

/**
 * The mapped step and the index in an item's id; undefined for any other id. An item has one id only:
 * `a[01]` is not another name of `a[1]`.
 */
export function itemOf(id: string): { readonly step: string; readonly index: number } | undefined {
  if (!id.endsWith("]")) return undefined;
  const open = id.indexOf("[");
  const step = id.slice(0, open);
  const index = Number(id.slice(open + 1, -1));
  return index >= 0 && itemId(step, index) === id ? { step, index } : undefined;
}

/**
 * Whether `raw`, read from a log, has the form that runs are decided by. It was checked when it was
 * written; this only keeps what was written by something else from being folded.
 */
export function isPlan(raw: unknown): raw is Plan {
  const plan = raw as Partial<GraphPlan> | (Partial<CodePlan> & { kind: "code" }) | null;
  if (typeof plan !== "object" || plan === null) return false;
  const { version, label = "", retryBudget } = plan as Partial<PlanBase>;
  if (typeof version !== "string" || typeof retryBudget !== "number") return false;
  if (typeof label !== "string") return false;
  if (plan.kind === "code") {
    const { declares = [], continueAt = 1 } = plan;
    if (typeof continueAt !== "number") return false;
    return Array.isArray(declares) && declares.every((step) => typeof step === "string");
  }
  if (plan.kind !== "graph" || typeof plan.returns !== "string") return false;
  return Array.isArray(plan.steps) && plan.steps.every(isPlanStep);
}

function isPlanStep(raw: unknown): boolean {
  const step = raw as Partial<PlanStep> | null;
  return (
    typeof step?.name === "string" &&
    Array.isArray(step.needs) &&
    typeof step.policy?.retry?.maxAttempts === "number" &&
    (step.wait === undefined || isPlanWait(step.wait)) &&
    (step.child === undefined || typeof step.child?.workflow === "string")
  );
}

/** The name under which a plan declares the step, the mapped step of an item, or the one that is undone. */
export function declaredName(id: string): string {
  const step = undoOf(id) ?? id;
  return itemOf(step)?.step ?? step;
}

/** Which of the two: of the step itself, or of what undoes it. */
type FailureOption = "whenFailed" | "whenUndoFailed";

/** What becomes of a step of this policy when it fails for good. */
export const whenFailed = (
  plan: Plan | undefined,
  policy: StepPolicy | undefined,
  which: FailureOption,
): WhenFailed => policy?.[which] ?? plan?.[which] ?? "fail";

/** What the first event of a step that no plan declares says of its failures, and of those of its undo. */
export function holds(
  plan: Plan | undefined,
  policy: StepPolicy | undefined,
): { readonly whenFailed?: "hold"; readonly whenUndoFailed?: "hold" } {
  const hold = "hold" as const;
  return {
    ...(whenFailed(plan, policy, "whenFailed") === hold ? { whenFailed: hold } : {}),
    ...(whenFailed(plan, policy, "whenUndoFailed") === hold ? { whenUndoFailed: hold } : {}),
  };
}

const UNDO = "~undo";

/** Id of the step that undoes another. Step names hold no tilde, so it is nobody's name. */
export const undoId = (step: string): string => `${step}${UNDO}`;

/** The step that this one undoes; undefined for any other id. */
export const undoOf = (id: string): string | undefined =>
  id.endsWith(UNDO) ? id.slice(0, -UNDO.length) : undefined;
