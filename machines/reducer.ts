/**
 * Context updates are immer recipes. XState gets them wrapped in `produce`, so snapshots are immutable;
 * the engine, which owns its working state, applies the same recipe directly to its own object: it
 * finds it on the assigner, so there is one definition and no second fold to keep in step.
 */
import { produce } from "immer";

/** Changes `context` in place according to `event`. Must use nothing but its arguments. */
export type Recipe<C, E> = (context: C, event: E) => void;

/** An assigner for XState's `assign`, carrying its recipe. */
export interface Reducer<C, E> {
  (args: { context: C; event: { type: string } }): C;
  readonly recipe: Recipe<C, E>;
}

/** The assigner of a recipe: `assign(reducer(…))` in a machine, `.recipe` where the state is one's own. */
export function reducer<C extends object, E>(recipe: Recipe<C, E>): Reducer<C, E> {
  const assigner = (args: { context: C; event: { type: string } }): C =>
    produce(args.context, (draft) => {
      // The machine routes only the recipe's own events to this action.
      recipe(draft as C, args.event as E);
    });
  return Object.assign(assigner, { recipe });
}
