/** Steps of a graph that are child runs, as the compiler sees them. */
import type { ChildRunOptions, Startable } from "./child-run-options.ts";

/** Options of a step that is a child run. */
export interface ChildStepOptions<Needs, Input, When extends boolean, I, O>
  extends ChildRunOptions {
  /** A definition, or the name of a workflow that another process may have. */
  readonly workflow: Startable<I, O> | string;
  /** The child's input, given what a step would get. @default just that */
  readonly input?: (given: Input) => NoInfer<I>;
  /** The steps whose results it takes; they run before it. @default none: it gets the run's input */
  readonly needs?: Needs;
  /** Given what a step would get: false skips it. */
  readonly when?: (given: Input) => When;
}

/** Options of a step that is a child run for each item of a list. */
export interface ChildListOptions<Over, Item, I, O> extends ChildRunOptions {
  /** A definition, or the name of a workflow that another process may have. */
  readonly workflow: Startable<I, O> | string;
  /** The step over whose list there is a child for each item. */
  readonly over: Over;
  /** The child's input, given an item. @default the item */
  readonly input?: (item: Item) => NoInfer<I>;
  /** Children that may be under way at once. @default no bound but that of the workers */
  readonly concurrency?: number;
}
