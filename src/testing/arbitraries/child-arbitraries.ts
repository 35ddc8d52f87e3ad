/** Arbitraries for what concerns child runs and runs that go on as others. */
import fc from "fast-check";
import type { ChildCommand, ChildEvent, OnParentClose } from "../../../machines/child-data.ts";
import type { Chain, Parent } from "../../../machines/run-data.ts";
import { type ByType, command, event } from "./message-arbitraries.ts";
import { counts, failures, ids, text, times, values } from "./value-arbitraries.ts";

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
};
const hold = fc.constant("hold" as const);
const perhaps = {
  endBy: times,
  undo: fc.constant(true as const),
  whenFailed: hold,
  whenUndoFailed: hold,
};

/** An arbitrary for each event of a step that is a child run, by its name. */
export const childEventTypes: ByType<ChildEvent> = {
  "child.requested": event(
    "child.requested",
    { step: ids, attempt: counts, ...requested },
    perhaps,
  ),
  "child.started": event("child.started", { step: ids, attempt: counts }),
  "child.stopping": event(
    "child.stopping",
    { step: ids, attempt: counts, reason: text },
    { error: failures },
  ),
};

/** An arbitrary for each command to a step that is a child run, by its name. */
export const childCommandTypes: ByType<ChildCommand> = {
  "cmd.request": command("cmd.request", requested, perhaps),
  "cmd.confirm": command("cmd.confirm"),
  "cmd.expire": command("cmd.expire", { error: failures }),
};
