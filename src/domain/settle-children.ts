/** What follows by itself for steps that are child runs: they come too late, and they are let go of. */
import type { StepCommand } from "../../machines/step-data.ts";
import type { MillraceEvent } from "../events/vocabulary.ts";
import { decideStep } from "./decide.ts";
import { itemOf } from "./plan.ts";
import { type RunState, stepActor } from "./state.ts";

/** Child runs that did not end in time: they are to be asked to stop, and their steps fail. */
export function expiredChildren(state: RunState, now: number): readonly MillraceEvent[] {
  const events: MillraceEvent[] = [];
  for (const [id, endBy] of state.dueChildren) {
    if (endBy > now) continue;
    const message = `child run ${stepActor(state, id).context.child?.run} did not end in time`;
    const error = { code: "E_TIMEOUT", message };
    events.push(...ofStep(state, id, { type: "cmd.expire", now, error }));
  }
  return events;
}

/**
 * Lets go of every child run as its policy says, if its parent comes to an end: one that is to be waited
 * for goes on, and so does one that is to be left to itself until it is known to exist.
 */
export function stopChildren(
  state: RunState,
  now: number,
  reason: string,
): readonly MillraceEvent[] {
  const events: MillraceEvent[] = [];
  for (const id of [...state.requested, ...state.delegated]) {
    const item = itemOf(id);
    // Items are stopped with their mapped step.
    if (item !== undefined && state.mappings.has(item.step)) continue;
    if (stepActor(state, id).context.child?.onParentClose === "wait") continue;
    events.push(...ofStep(state, id, { type: "cmd.cancel", now, reason }));
  }
  return events;
}

function ofStep(state: RunState, id: string, command: StepCommand): readonly MillraceEvent[] {
  const decided = decideStep(state, id, command);
  return decided.ok ? decided.value : [];
}
