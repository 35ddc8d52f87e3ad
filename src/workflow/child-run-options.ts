/** How a child run is asked for, in either style, as users say it. */
import type { OnParentClose } from "../../machines/child-data.ts";
import type { Plan } from "../domain/plan.ts";
import type { Duration } from "../kernel/duration.ts";
import type { Undo } from "./step-context.ts";

/** What a definition is to those who only begin runs of it. `I`: what it takes; `O`: what it returns. */
export interface Startable<I = never, O = unknown> {
  readonly name: string;
  readonly plan: Plan;
  /** Never there at run time: carries the types. */
  readonly "~io"?: { readonly input: (input: I) => void; readonly output: O };
}

/** What holds for a child run beside its workflow and input. */
export interface ChildRunOptions {
  /**
   * What becomes of it when its parent is about to end before it has, completed, failed, cancelled or late:
   * it is asked to stop, it is left to itself, or the parent waits for it. @default "cancel"
   */
  readonly onParentClose?: OnParentClose;
  /** The call fails, and the child is asked to stop, when it has not ended after this long. @default never */
  readonly timeout?: Duration;
  /** Undoes what the child did, given its result: see `Undo`. @default nothing is undone */
  readonly undo?: Undo;
}
