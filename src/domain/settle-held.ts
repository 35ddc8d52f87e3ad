/**
 * Held steps that nothing depends on any more are let go: their run is being stopped, or the mapped step
 * that they are an item of has ended. Nobody is asked what should become of them. Pure.
 */
import type { StepEvent } from "../../machines/step-data.ts";
import { decideStep } from "./decide.ts";
import { itemOf, undoOf } from "./plan.ts";
import type { RunState } from "./state.ts";

/** The events that let go of them; none when there are none. */
export function settleHeld(state: RunState, now: number): readonly StepEvent[] {
  const events: StepEvent[] = [];
  for (const step of state.held) {
    const why = neededNoMore(state, step);
    if (why === undefined) continue;
    const decided = decideStep(state, step, { type: "cmd.cancel", now, reason: why });
    if (decided.ok) events.push(...decided.value);
  }
  return events;
}

function neededNoMore(state: RunState, step: string): string | undefined {
  const undoing = state.run.state === "compensating";
  if (undoing && undoOf(step) === undefined) return "what its run did is being undone";
  const item = itemOf(undoOf(step) === undefined ? step : "");
  return item === undefined || state.mappings.has(item.step)
    ? undefined
    : `step ${item.step} has ended without it`;
}
