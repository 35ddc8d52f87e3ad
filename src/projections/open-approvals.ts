/** Approvals that wait for a decision, over all runs: what a person who is asked looks through. */
import type { ApprovalRequest } from "../../machines/approval.ts";
import type { MillraceEvent } from "../events/vocabulary.ts";
import type { FoldedFrame, Projection } from "./projection.ts";

/** One that was asked for and has not ended. */
export interface OpenApproval extends ApprovalRequest {
  readonly since: number;
  readonly due: number | null;
}

/** Those of one run, by name; only of runs that have some. */
export interface RunApprovals {
  readonly workflow: string;
  readonly open: Map<string, OpenApproval>;
}

/** By run. What a fork took over from its origin is not here: only its origin's log has it. */
export type OpenApprovals = Map<string, RunApprovals>;

type Saved = readonly (readonly [
  run: string,
  workflow: string,
  open: readonly (readonly [string, OpenApproval])[],
])[];

export const openApprovals: Projection<OpenApprovals> = {
  name: "open-approvals",
  version: 2,
  initial: () => new Map(),
  forget: (view, run) => void view.delete(run),
  // Sorted, because runs have no common order in a log of several partitions.
  save: (view): Saved =>
    Array.from(view, ([run, { workflow, open }]) => [run, workflow, [...open]] as const).sort(
      ([one], [other]) => (one < other ? -1 : 1),
    ),
  restore: (saved) =>
    new Map(
      (saved as Saved).map(([run, workflow, open]) => [run, { workflow, open: new Map(open) }]),
    ),
  apply(view, { place, opened }: FoldedFrame) {
    // Nothing of a run goes on whose log is damaged.
    if ("damaged" in opened) view.delete(place.run);
    else for (const event of opened.frame.events) applyEvent(view, place, event);
  },
};

function applyEvent(
  view: OpenApprovals,
  { run, workflow }: { readonly run: string; readonly workflow: string },
  event: MillraceEvent,
): void {
  switch (event.type) {
    case "wait.opened": {
      if (event.approval === undefined) return;
      const known = view.get(run) ?? { workflow, open: new Map() };
      known.open.set(event.wait, { ...event.approval, since: event.at, due: event.due });
      view.set(run, known);
      return;
    }
    case "wait.matched":
    case "wait.expired":
    case "wait.cancelled": {
      const known = view.get(run);
      known?.open.delete(event.wait);
      if (known?.open.size === 0) view.delete(run);
      return;
    }
    // From here on no decision changes anything.
    case "run.cancelling":
    case "run.compensating":
    case "run.completed":
    case "run.failed":
    case "run.cancelled":
    case "run.terminated":
      view.delete(run);
  }
}
