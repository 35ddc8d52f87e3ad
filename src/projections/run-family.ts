/** How the lines of runs tell of other runs: whose child a run is, which it goes on for, and which it has. */
import type { OnParentClose } from "../../machines/child-data.ts";
import type { Chain, Parent } from "../../machines/run-data.ts";
import type { MillraceEvent } from "../events/vocabulary.ts";

/** A child run that has not ended, as far as its parent knows. */
export interface OpenChild {
  readonly run: string;
  readonly onParentClose: OnParentClose;
  /** False: its parent does not know yet whether it exists. */
  readonly started: boolean;
}

/** What a run's line says about other runs. */
export interface RunFamily {
  /** Whose child it is; null: nobody's. */
  parent: Parent | null;
  /** The run that it goes on for, and its place in their chain; null: none. */
  chain: Pick<Chain, "first" | "previous" | "index"> | null;
  /** The run that goes on for it. */
  next: string | null;
  /** By step. */
  children: Record<string, OpenChild>;
}

/** That of a run of which nothing is known yet. */
export const noFamily = (): RunFamily => ({ parent: null, chain: null, next: null, children: {} });

/** Folds an event of the run. */
export function applyFamily(family: RunFamily, event: MillraceEvent): void {
  switch (event.type) {
    case "run.created": {
      const { parent, chain } = event;
      family.parent = parent ?? null;
      if (chain === undefined) break;
      family.chain = { first: chain.first, previous: chain.previous, index: chain.index };
      break;
    }
    case "run.continued":
      family.next = event.next;
      break;
    case "child.requested": {
      const { childRun: run, onParentClose } = event;
      family.children[event.step] = { run, onParentClose, started: false };
      break;
    }
    case "child.started": {
      const child = family.children[event.step];
      if (child !== undefined) family.children[event.step] = { ...child, started: true };
      break;
    }
    case "step.completed":
    case "step.failed":
    case "step.held":
    case "step.cancelled":
      delete family.children[event.step];
      break;
  }
}
