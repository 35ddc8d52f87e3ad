/** The indexes over steps that are child runs: which are owed, under way, to be stopped, and by when. */
import type { ChildEvent } from "../../machines/child-data.ts";
import { itemOf } from "./plan.ts";
import type { RunState } from "./state.ts";

/**
 * Puts the step where the event, which its machine has taken, has brought it.
 * @param before its state until then
 */
export function indexChild(state: RunState, event: ChildEvent, before: string): void {
  const { step: id } = event;
  switch (event.type) {
    case "child.requested":
      state.requested.add(id);
      if (event.endBy !== undefined) state.dueChildren.set(id, event.endBy);
      if (event.undo) state.canUndo.add(id);
      if (event.whenUndoFailed) state.holdUndo.add(id);
      // Tried again by hand, or asked for anew in a fork, it is still the same call.
      if (state.graph === undefined && itemOf(id) === undefined && before === "waiting")
        state.calls.push(`child:${id}`);
      break;
    case "child.started":
      state.delegated.add(id);
      break;
    case "child.stopping":
      state.stopping.add(id);
      break;
  }
}

/** Takes the step, which has moved on, out of where it was. */
export function unindexChild(state: RunState, id: string, before: string, now: string): void {
  if (before === "requested") state.requested.delete(id);
  else if (before === "delegated") state.delegated.delete(id);
  else if (before === "stopping") state.stopping.delete(id);
  if (now !== "delegated") state.dueChildren.delete(id);
}
