/**
 * Where a step runs. An allocator answers from what it is given and nothing else: the same request
 * over the same view always has the same answer, so a recorded placement can be looked at again.
 *
 * What it says is a proposal. Whether the step really fits is decided by the node itself, which alone
 * knows what all runs together have taken.
 */
import type { Resources } from "./resources.ts";
import type { Version, WorkflowVersion } from "./versions.ts";

/** A value that the step takes, and where copies of it are. */
export interface StepValue {
  readonly bytes: number;
  /** Nodes that have it; of a value in the log or the blob store none. */
  readonly nodes: readonly string[];
}

/** A step that wants to run. */
export interface StepRequest {
  readonly step: string;
  /** What it takes while it runs. */
  readonly resources: Resources;
  /** What its whole collocation group needs of one node; absent: the step is alone. */
  readonly room?: Resources;
  /** Only a node that has this workflow can run it; absent: all can. */
  readonly workflow?: string;
  /** This version of it. */
  readonly version?: Version;
  /** This node and no other. */
  readonly pin?: string;
  /** Where this step of the run was placed, if it was and the node still takes steps. */
  readonly collocateWith?: string;
  /** The node's labels must have these values. */
  readonly labels?: Readonly<Record<string, string>>;
  /** How many steps of its kind are on a node already (none: absent): nodes with fewer go first. */
  readonly spread?: Readonly<Record<string, number>>;
  readonly inputs: readonly StepValue[];
}

/** A node as others see it. */
export interface NodeView {
  readonly id: string;
  /** All that it has. */
  readonly resources: Resources;
  /** What of it nobody has taken. */
  readonly free: Resources;
  readonly labels: Readonly<Record<string, string>>;
  /** It finishes what runs and takes nothing new. */
  readonly draining: boolean;
  readonly workflows: readonly string[];
  /** Absent: it does not say. */
  readonly versions?: readonly WorkflowVersion[];
}

/** What is known when a step is placed. */
export interface ClusterView {
  /** The node that hosts the run. */
  readonly self: string;
  readonly nodes: readonly NodeView[];
  /** Nodes that earlier steps of the run were placed on, the last chosen first, each once. */
  readonly recent: readonly string[];
  /** Where earlier steps of the run were placed. */
  readonly placed: ReadonlyMap<string, string>;
}

/** Where the step goes, or why it does not. */
export type Placement =
  | { readonly node: string; readonly reason: string }
  /** Not now: what is missing may become free, or come. */
  | { readonly wait: WaitFor; readonly reason: string }
  /** On no node that is known, even with nothing else on it. */
  | { readonly never: string; readonly shortage: Resources };

/** `room`: amounts that others have taken. `node`: a node that is not there, or takes nothing new. */
export type WaitFor = "room" | "node";

/** A way to choose nodes. Implement it for a strategy of one's own; `byPreference` makes it easy. */
export interface Allocator {
  readonly name: string;
  /** Pure. Never throws. */
  place(request: StepRequest, view: ClusterView): Placement;
}
