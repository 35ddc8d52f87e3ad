/** The graph builder as the compiler sees it: what each step gets, and what the run gives. */
import type { Approval } from "../domain/approvals.ts";
import type { Duration } from "../kernel/duration.ts";
import type { ChildListOptions, ChildStepOptions } from "./child-step-options.ts";
import type { GraphWorkflow } from "./definition.ts";
import type { ApproveOptions, SignalOptions, SleepOptions } from "./graph-waits.ts";
import type { PolicyOptions } from "./policy.ts";
import type { StepContext, Undo } from "./step-context.ts";
import type { MaybeSchema, Recorded, ResultOf } from "./workflow-options.ts";

/** What a step gets: the run's input, or the results of what it needs by name. */
export type InputOf<Run, Steps, Needs extends readonly string[]> = Needs extends readonly []
  ? Run
  : { readonly [K in Needs[number]]: Steps[K & keyof Steps] };

/** Steps whose result can be fanned out over. */
export type ListStep<Steps> = {
  [K in keyof Steps & string]: unknown extends Steps[K]
    ? K
    : Steps[K] extends readonly unknown[] | undefined
      ? K
      : never;
}[keyof Steps & string];

/** The items of a list. */
export type ItemOf<List> = List extends readonly (infer Item)[] ? Item : unknown;

/** Options of a step. */
export interface StepOptions<Needs, Input, When extends boolean, Checked> extends PolicyOptions {
  /**
   * The steps whose results it takes; they run before it. @default none: it gets the run's input
   */
  readonly needs?: Needs;
  /**
   * Given what the step would get: false skips it. Steps that need it then get undefined for it.
   */
  readonly when?: (input: Input) => When;
  /** Undoes the step: see `Undo`. @default nothing is undone */
  readonly undo?: Undo;
  /** What the result must look like; others get what it makes of the result. */
  readonly output?: Checked;
}

/** Options of a mapped step. */
export interface MapOptions<Over, Checked> extends PolicyOptions {
  /** The step whose list it runs over, one item each. A skipped one counts as an empty list. */
  readonly over: Over;
  /** Items that may run at once. @default no bound but that of the workers */
  readonly concurrency?: number;
  /** Undoes one item: see `Undo`. @default nothing is undone */
  readonly undo?: Undo;
  /** What each item's result must look like; others get what it makes of it. */
  readonly output?: Checked;
}

/**
 * A graph in the making; immutable, so that one beginning can be continued in several ways. `In`:
 * what `start` takes; `Run`: what steps get of it; `Steps`: results by name; `Last`: result of the
 * step declared last; `Out`: the run's result where a schema says so.
 *
 * For graphs put together at run time, declare the variable as
 * `GraphBuilder<In, Run, Record<string, unknown>, unknown, never>`: then any name is accepted, and
 * checked by `build`.
 */
export interface GraphBuilder<In, Run, Steps extends object, Last, Out> {
  /**
   * Declares a step that gets the run's input.
   * @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`
   */
  step<const Name extends string, T>(
    name: Name,
    fn: (ctx: StepContext, input: Run) => T,
  ): After<In, Run, Steps, Name, ResultOf<T, undefined>, never, Out>;
  /**
   * Declares a step.
   * @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_DEF_DUPLICATE`, `E_OPTION_INVALID`
   */
  step<
    const Name extends string,
    T,
    const Needs extends readonly (keyof Steps & string)[] = [],
    When extends boolean = never,
    Checked extends MaybeSchema = undefined,
  >(
    name: Name,
    options: StepOptions<Needs, InputOf<Run, Steps, Needs>, When, Checked>,
    fn: (ctx: StepContext, input: InputOf<Run, Steps, Needs>) => T,
  ): After<In, Run, Steps, Name, ResultOf<T, Checked>, When, Out>;
  /**
   * Declares a step that runs once for every item of the list that step `over` returned. Its result
   * is the list of results, in the order of the items.
   * @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_OPTION_INVALID`
   */
  map<
    const Name extends string,
    const Over extends ListStep<Steps>,
    T,
    Checked extends MaybeSchema = undefined,
  >(
    name: Name,
    options: MapOptions<Over, Checked>,
    fn: (ctx: StepContext, item: ItemOf<NonNullable<Steps[Over]>>) => T,
  ): After<In, Run, Steps, Name, ResultOf<T, Checked>[], never, Out>;
  /**
   * Declares a step that sleeps: it runs nothing, and holds no worker meanwhile. Its result is null.
   * @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_DEF_DUPLICATE`, `E_OPTION_INVALID`
   */
  sleep<
    const Name extends string,
    const Needs extends readonly (keyof Steps & string)[] = [],
    When extends boolean = never,
  >(
    name: Name,
    options: SleepOptions<Needs, InputOf<Run, Steps, Needs>, When>,
  ): After<In, Run, Steps, Name, null, When, Out>;
  /**
   * Declares a step that waits for a signal, one that came before it included. Its result is the payload.
   * When none came in time it is skipped: steps that need it then get undefined for it.
   * @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_DEF_DUPLICATE`, `E_OPTION_INVALID`
   */
  waitFor<
    const Name extends string,
    T = unknown,
    const Needs extends readonly (keyof Steps & string)[] = [],
    When extends boolean = never,
  >(
    name: Name,
    options: SignalOptions<Needs, InputOf<Run, Steps, Needs>, When, T> & {
      readonly timeout: Duration;
    },
  ): After<In, Run, Steps, Name, T, true, Out>;
  waitFor<
    const Name extends string,
    T = unknown,
    const Needs extends readonly (keyof Steps & string)[] = [],
    When extends boolean = never,
  >(
    name: Name,
    options?: SignalOptions<Needs, InputOf<Run, Steps, Needs>, When, T>,
  ): After<In, Run, Steps, Name, T, When, Out>;
  /**
   * Declares a step that waits for somebody's decision (`client.approve`, `client.reject`). Its result
   * is that decision, also when it was against; steps that need it look at `approved`.
   * @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_DEF_DUPLICATE`, `E_OPTION_INVALID`
   */
  approve<
    const Name extends string,
    const Needs extends readonly (keyof Steps & string)[] = [],
    When extends boolean = never,
  >(
    name: Name,
    options: ApproveOptions<Needs, InputOf<Run, Steps, Needs>, When>,
  ): After<In, Run, Steps, Name, Approval, When, Out>;
  /**
   * Declares a step whose work a run of another workflow does, with a log and retries of its own; with
   * `over`, a run for each item of a list, whose result is the list of results, in the order of the items.
   * @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_DEF_DUPLICATE`, `E_OPTION_INVALID`
   */
  child<const Name extends string, const Over extends ListStep<Steps>, I, O>(
    name: Name,
    options: ChildListOptions<Over, ItemOf<NonNullable<Steps[Over]>>, I, O>,
  ): After<In, Run, Steps, Name, O[], never, Out>;
  child<
    const Name extends string,
    I,
    O,
    const Needs extends readonly (keyof Steps & string)[] = [],
    When extends boolean = never,
  >(
    name: Name,
    options: ChildStepOptions<Needs, InputOf<Run, Steps, Needs>, When, I, O>,
  ): After<In, Run, Steps, Name, O, When, Out>;
  /** Makes the result of `name` the run's; without it, that of the step declared last is. */
  returns<const Name extends keyof Steps & string>(
    name: Name,
  ): Pick<GraphBuilder<In, Run, Steps, Recorded<Steps[Name]>, Out>, "build">;
  /**
   * The workflow, checked and frozen.
   * @throws MillraceError `E_DEF_EMPTY`, `E_DEF_TOO_LARGE`, `E_DEF_DUPLICATE`,
   *   `E_DEF_UNKNOWN_STEP`, `E_DEF_CYCLE`
   */
  build(): GraphWorkflow<In, [Out] extends [never] ? Last : Out>;
}

/** The builder once step `Name` is declared. A step with `when` may be skipped. */
type After<In, Run, Steps extends object, Name extends string, Result, When, Out> = GraphBuilder<
  In,
  Run,
  Steps & { readonly [K in Name]: [When] extends [never] ? Result : Result | undefined },
  [When] extends [never] ? Result : Result | null,
  Out
>;
