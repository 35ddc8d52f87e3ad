/** Arbitraries for what concerns child runs and runs that go on as others. */
import fc from "fast-check";
import type { ChildCommand, ChildEvent, OnParentClose } from "../../machines/child-data.ts";
import type { Chain, Parent } from "../../machines/run-data.ts";
import {
  type ByType,
  counts,
  failures,
  ids,
  text,
  times,
  type,
  values,
} from "./value-arbitraries.ts";

/** Whose child a run is. */
export const parents: fc.Arbitrary<Parent> = fc.record(
  { run: ids, workflow: ids, step: ids, inbox: ids },
  { requiredKeys: ["run", "workflow", "step"] },
);

/** The place of a run in its chain. */
export const chains: fc.Arbitrary<Chain> = fc.record({
  first: ids,
  previous: ids,
  index: counts,
  taken: fc.array(ids, { maxLength: 2 }),
});

const policies: fc.Arbitrary<OnParentClose> = fc.constantFrom("cancel", "abandon", "wait");

const requested = {
  childRun: ids,
  childWorkflow: ids,
  input: values,
  onParentClose: policies,
  endBy: times,
  undo: fc.constant(true as const),
};
const REQUIRED = ["type", "childRun", "childWorkflow", "input", "onParentClose"] as const;

/** An arbitrary for each event of a step that is a child run, by its name. */
export const childEventTypes: ByType<ChildEvent> = {
  "child.requested": fc.record(
    { type: type("child.requested"), at: times, step: ids, attempt: counts, ...requested },
    { requiredKeys: ["at", "step", "attempt", ...REQUIRED] },
  ),
  "child.started": fc.record({
    type: type("child.started"),
    at: times,
    step: ids,
    attempt: counts,
  }),
  "child.stopping": fc.record(
    {
      type: type("child.stopping"),
      at: times,
      step: ids,
      attempt: counts,
      reason: text,
      error: failures,
    },
    { requiredKeys: ["type", "at", "step", "attempt", "reason"] },
  ),
};

/** An arbitrary for each command to a step that is a child run, by its name. */
export const childCommandTypes: ByType<ChildCommand> = {
  "cmd.request": fc.record(
    { type: type("cmd.request"), now: times, ...requested },
    { requiredKeys: ["now", ...REQUIRED] },
  ),
  "cmd.confirm": fc.record({ type: type("cmd.confirm"), now: times }),
  "cmd.expire": fc.record({ type: type("cmd.expire"), now: times, error: failures }),
};
