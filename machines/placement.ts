/** The record of a placement: data that machines carry and never look into. */

/** Why an attempt runs where it does: enough to choose again, by the same strategy or by another. */
export interface Placement {
  readonly strategy: string;
  /** A sentence for people. */
  readonly reason: string;
  /** What was asked, and the nodes that were to choose from (`StepRequest`, `NodeView` of src/cluster). */
  readonly request: object;
  readonly nodes: readonly object[];
  /** Nodes that earlier steps of the run were placed on, the last chosen first. */
  readonly recent?: readonly string[];
}
