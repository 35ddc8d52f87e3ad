/** The plan of a graph as it was recorded, beside the plan and the code of today. */
import { isDeepStrictEqual } from "node:util";
import type { GraphPlan } from "../domain/plan.ts";
import { type MissingCode, missingCode } from "../engine/hosting/has-code.ts";
import type { GraphWorkflow } from "../workflow/definition.ts";
import type { Folded, HistoryDifference } from "./folded-history.ts";

const LACKS: Readonly<Record<MissingCode, string>> = {
  function: "has no code any more",
  undo: "was to be undone, and has no undo any more",
  condition: "was to run on a condition, and has no condition any more",
  wait: "was to wait, and has not the code for that any more",
};

/** A run keeps to the plan it began with: other code breaks it only where code is missing. */
export function* followPlan(workflow: GraphWorkflow, folded: Folded): Generator<HistoryDifference> {
  const { state, events } = folded;
  const seqOf = (step: string): number | undefined => {
    const index = events.findIndex((event) => "step" in event && event.step === step);
    return index < 0 ? undefined : index + 1;
  };
  const recorded = state.plan as GraphPlan;
  const today = new Map(workflow.plan.steps.map((step) => [step.name, step]));
  for (const step of recorded.steps) {
    const place = { what: `step ${step.name}`, seq: seqOf(step.name) };
    const lacks = missingCode(workflow, step);
    if (lacks !== undefined) {
      yield { ...place, breaks: true, message: `step ${step.name} ${LACKS[lacks]}` };
    }
    const now = today.get(step.name);
    if (now === undefined || lacks !== undefined) continue;
    for (const message of changes(`step ${step.name}`, step, now)) {
      yield { ...place, breaks: false, message };
    }
  }
  const known = new Set(recorded.steps.map(({ name }) => name));
  for (const name of today.keys()) {
    if (known.has(name)) continue;
    const message = `step ${name} is new: runs that have begun do without it`;
    yield { what: `step ${name}`, seq: undefined, breaks: false, message };
  }
  for (const message of changes("the plan", withoutSteps(recorded), withoutSteps(workflow.plan))) {
    yield { what: "the workflow", seq: 1, breaks: false, message };
  }
}

function withoutSteps(plan: GraphPlan): object {
  const { steps: _steps, version: _version, variant: _variant, ...rest } = plan;
  return rest;
}

/** Fields that are not the same, each in a sentence. */
function* changes(what: string, recorded: object, today: object): Generator<string> {
  const [was, is] = [recorded, today] as readonly Readonly<Record<string, unknown>>[];
  for (const field of new Set([...Object.keys(recorded), ...Object.keys(today)])) {
    const [before, now] = [was?.[field], is?.[field]];
    if (isDeepStrictEqual(before, now)) continue;
    yield `${field} of ${what} was ${shown(before)}, and is ${shown(now)}: runs that have begun keep to the former`;
  }
}

const shown = (value: unknown): string => JSON.stringify(value) ?? "none";
