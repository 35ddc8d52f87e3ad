/**
 * The data that machines carry but never look into: recorded values and recorded failures.
 */

/** A value of which the log has only the word where it is. */
export interface KeptOnNode {
  readonly kept: string;
  readonly bytes: number;
  readonly node: string;
  readonly step: string;
}

/** A recorded value. */
export type Value =
  /** Small: the JSON itself. */
  | { readonly json: unknown }
  /** Large: JSON text in the blob store, by digest. */
  | { readonly blob: string; readonly bytes: number }
  /** JSON text that `node` has made and keeps, by digest; what step `step` returned. */
  | KeptOnNode
  /** The list of the outputs of mapped step `of`'s items, in order; not stored a second time. */
  | { readonly items: number; readonly of: string }
  /** Several values as one list: the inputs of starts that became one run. */
  | { readonly list: readonly Value[] };

/** A recorded error: what is left of an exception once it must outlive its process. */
export interface Failure {
  /** A millrace code, the `code` of the thrown error, or its class name. */
  readonly code: string;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: Failure;
}
