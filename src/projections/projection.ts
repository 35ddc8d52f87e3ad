/**
 * A projection: a pure fold of the log into something to look things up in. Disposable: its saved copy
 * names the position up to which it is true, and what is missing is folded from there.
 */

import type { Opened } from "../events/frame.ts";
import type { FramePlace } from "../events/recorded.ts";

/** A frame as projections get it. `opened` is a reason when the bytes are not a frame of their run. */
export interface FoldedFrame {
  readonly place: FramePlace;
  readonly opened: Opened | { readonly damaged: string };
  /** Of the log: with more than one, frames of different runs come in no order. */
  readonly partitions: number;
}

/** What to fold, and how a view is saved; `V` is the view. */
export interface Projection<V> {
  /** Names its saved copies; a new `version` starts from the beginning of the log. */
  readonly name: string;
  readonly version: number;
  /** Only frames of this workflow move it, and it needs not be told of erased runs. Absent: all do. */
  readonly workflow?: string;
  initial(): V;
  /** Folds one frame into `view`, in place. Frames of a run come in their order, each once. */
  apply(view: V, frame: FoldedFrame): void;
  /** Takes out all that a run left here, because its log was erased. */
  forget(view: V, run: string): void;
  save(view: V): unknown;
  restore(saved: unknown): V;
}
