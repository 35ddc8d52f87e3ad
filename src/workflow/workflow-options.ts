/**
 * What graph and code workflows have in common for their authors: options, and the types of
 * results.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { WhenFailed } from "../domain/plan.ts";
import type { Duration } from "../kernel/duration.ts";
import type { BatchFlowOptions, FlowOptions } from "./flow-options.ts";
import type { Query } from "./queries.ts";

/** Where a schema may be given. */
export type MaybeSchema = StandardSchemaV1 | undefined;

/** A value as it comes back from the log: nothing is kept as null. */
export type Recorded<T> = T extends void ? null : T;

/** What a step's function leads to: what its schema makes of it, or what it resolves to. */
export type ResultOf<T, Checked> = Checked extends StandardSchemaV1
  ? StandardSchemaV1.InferOutput<Checked>
  : Recorded<Awaited<T>>;

/** Options of a workflow of either style. `Input`: what its runs get. */
export interface WorkflowOptions<
  In extends MaybeSchema,
  Out extends MaybeSchema,
  Input = never,
  FlowControl = FlowOptions<Input>,
> {
  /** What the input must look like; steps get what it makes of the input. */
  readonly input?: In;
  /** What the result must look like; the result is what it makes of it. */
  readonly output?: Out;
  /** Retries that all steps of one run may use together. @default 1000 */
  readonly retryBudget?: number;
  /** Steps of one run that may run at once. @default no bound but that of the workers */
  readonly concurrency?: number;
  /** A run that has not ended after this long fails. @default never */
  readonly timeout?: Duration;
  /** How many runs may be at work, who comes first, which starts become one. @default all at once */
  readonly flow?: FlowControl;
  /** What can be asked about a run, by name: see `Client.query`. Changing them changes no run. @default nothing */
  readonly queries?: Readonly<Record<string, Query>>;
  /** How long steps may take to end by themselves when the run is cancelled. @default "5s" */
  readonly cancelGrace?: Duration;
  /** For steps that do not say so themselves: see `PolicyOptions`. @default "fail" */
  readonly whenFailed?: WhenFailed;
  /** For what undoes them. @default "fail" */
  readonly whenUndoFailed?: WhenFailed;
  /**
   * Of functions only: how many events a run may have before `ctx.continueIfLong` goes on as another run, 10 to
   * 500,000; runs keep to the number that they began with. @default 10,000
   */
  readonly continueAt?: number;
  /** A label for this version of the code: runs keep to the version they began with. */
  readonly version?: string;
  /**
   * Who chooses the nodes of its steps: `first-available`, `load-balanced`, `locality-aware`, or one given
   * to `open({ allocators })` by name. @default the run's host as long as there is room, then load-balanced
   */
  readonly strategy?: string;
}

/** Options of a workflow whose runs get the inputs of several starts. */
export type Batched<In extends MaybeSchema, Out extends MaybeSchema, Input> = WorkflowOptions<
  In,
  Out,
  Input,
  BatchFlowOptions<Input>
> & { readonly flow: BatchFlowOptions<Input> };

/** The same for a graph. */
export type BatchedGraph<In extends MaybeSchema, Out extends MaybeSchema, Input> = GraphOptions<
  In,
  Out,
  Input,
  BatchFlowOptions<Input>
> & { readonly flow: BatchFlowOptions<Input> };

/** Options of a graph workflow. */
export interface GraphOptions<
  In extends MaybeSchema,
  Out extends MaybeSchema,
  Input = never,
  FlowControl = FlowOptions<Input>,
> extends Omit<WorkflowOptions<In, Out, Input, FlowControl>, "continueAt"> {
  /**
   * When a step fails for good: `fail-fast` stops the others, and the run fails. `continue` lets
   * everything run that does not need it; the rest is skipped, and then the run fails. @default "fail-fast"
   */
  readonly onFailure?: "fail-fast" | "continue";
}
