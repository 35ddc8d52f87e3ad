/**
 * A workflow as the engine gets it: the plan that will be frozen into each run, and the code that
 * the plan cannot hold. Made by `graph()` and `workflow()`; frozen.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { CodePlan, GraphPlan } from "../domain/plan.ts";
import type { Asked } from "../domain/plan-wait.ts";
import type { Flow } from "./flow.ts";
import type { Query } from "./queries.ts";
import type { StepContext } from "./step-context.ts";
import type { WorkflowContext } from "./workflow-context.ts";

/** The code of one step. */
export interface StepBody {
  /**
   * The user's function. `input` is the run's input for a step without needs, an object of results
   * by name for a step with needs, and one item for a mapped step. May return a promise.
   */
  run(ctx: StepContext, input: unknown): unknown;
  /** Decides, given what `run` would get, whether the step runs (true) or is skipped. */
  when?(input: unknown): boolean;
  /** Undoes what `run` did, given its result. Done once, in reverse order, when the run does not complete. */
  undo?(ctx: StepContext, result: unknown): unknown;
  /** What the result must look like; checked, and transformed, before it is recorded. */
  readonly output?: StandardSchemaV1;
}

/** The code around a step that waits: what its plan leaves to code. */
export interface WaitBody {
  /** By option: says, given what the step gets, what the plan does not (`PlanWait.asks`). */
  readonly asks: { readonly [K in Exclude<Asked, "where">]?: (input: unknown) => unknown };
  /** Takes only signals whose payload it says true to, given what the step gets. */
  readonly where?: (payload: unknown, input: unknown) => boolean;
  /** What a signal's payload must look like; checked, and transformed, before it is the result. */
  readonly schema?: StandardSchemaV1;
  /** As `StepBody.when`. */
  when?(input: unknown): boolean;
}

/** The code of a step whose work a run of its own does. */
export interface ChildBody extends Pick<StepBody, "when" | "undo"> {
  /** A definition, or the name of one that another process may have. */
  readonly workflow: Workflow | string;
  /** The child's input, given what a step's function would get. Absent: just that. */
  input?(given: unknown): unknown;
}

/** The code of a step of a graph, whatever it does. */
export type AnyBody = StepBody | WaitBody | ChildBody;

/** Whether a step of a graph runs code. */
export const isStepBody = (body: AnyBody | undefined): body is StepBody =>
  body !== undefined && "run" in body;

/** Whether a step of a graph waits. */
export const isWaitBody = (body: AnyBody | undefined): body is WaitBody =>
  body !== undefined && "asks" in body;

/** Whether a run of its own does a step of a graph. */
export const isChildBody = (body: AnyBody | undefined): body is ChildBody =>
  body !== undefined && "workflow" in body;

interface WorkflowBase<I, O> {
  readonly name: string;
  /** The user's own label for this version of the code. */
  readonly version?: string;
  /** Checked by the client before a run starts; the run gets the transformed value. */
  readonly input?: StandardSchemaV1;
  /** A run that has not ended after so many ms fails. */
  readonly timeoutMs?: number;
  /** How its runs are let in. */
  readonly flow?: Flow;
  /** By name: what can be asked about its runs. */
  readonly queries?: ReadonlyMap<string, Query>;
  /** Checked before a result becomes the run's output. */
  readonly output?: StandardSchemaV1;
  /** Never there at run time: carries the types of input and output to `start` and `result`. */
  readonly "~io"?: { readonly input: (input: I) => void; readonly output: O };
}

/** A workflow written as a graph of steps. `I`: what `start` takes; `O`: what `result` gives. */
export interface GraphWorkflow<I = never, O = unknown> extends WorkflowBase<I, O> {
  readonly kind: "graph";
  readonly plan: GraphPlan;
  /** By step name; every step of the plan has one: a `WaitBody` if it waits, a `ChildBody` if a run does it. */
  readonly bodies: ReadonlyMap<string, AnyBody>;
}

/** A workflow written as an async function. `I`: what `start` takes; `O`: what `result` gives. */
export interface CodeWorkflow<I = never, O = unknown> extends WorkflowBase<I, O> {
  readonly kind: "code";
  readonly plan: CodePlan;
  /**
   * The user's function; `input` is the run's input as recorded. Run it through a `CodeSession`.
   */
  run(ctx: WorkflowContext, input: unknown): Promise<unknown>;
}

/**
 * Any workflow; with the defaults, one whose types nobody knows (`Workflow` takes every workflow).
 */
export type Workflow<I = never, O = unknown> = GraphWorkflow<I, O> | CodeWorkflow<I, O>;
