/** Options of the steps of a graph that wait, as the compiler sees them. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Duration } from "../kernel/duration.ts";
import type { AnyInstant } from "../kernel/instant.ts";
import type { ApprovalOptions } from "./approval-options.ts";

/** Said at once, or found out from what the step gets. */
type Given<Input, T> = T | ((input: Input) => T);

interface WaitStepOptions<Needs, Input, When extends boolean> {
  /** Steps that come before it. @default none */
  readonly needs?: Needs;
  /** Given what the step would get: false skips it, and it waits for nothing. @default it waits */
  readonly when?: (input: Input) => When;
}

/** How long a step sleeps: one of the two. */
export type SleepOptions<Needs, Input, When extends boolean> = WaitStepOptions<Needs, Input, When> &
  (
    | { readonly for: Given<Input, Duration>; readonly until?: never }
    /** A time that has passed is over at once. */
    | { readonly until: Given<Input, AnyInstant>; readonly for?: never }
  );

/** Which signal a step waits for, and how long. */
export interface SignalOptions<Needs, Input, When extends boolean, T>
  extends WaitStepOptions<Needs, Input, When> {
  /** Name of the signal. @default the step's own */
  readonly signal?: string;
  /** What the payload must look like; the result is what it makes of it. @default anything */
  readonly schema?: StandardSchemaV1<unknown, T>;
  /** Gives up after this long; the step is skipped then. @default never */
  readonly timeout?: Duration;
  /** Takes only payloads that it says true to, given what the step gets; deterministic. @default all */
  readonly where?: (payload: unknown, input: Input) => boolean;
}

/** What a person is asked. Question and approvers may depend on what the step gets. */
export interface ApproveOptions<Needs, Input, When extends boolean>
  extends WaitStepOptions<Needs, Input, When>,
    Omit<ApprovalOptions, "prompt" | "approvers"> {
  /** The question, for people. */
  readonly prompt: Given<Input, string>;
  /** Who may decide. @default anybody */
  readonly approvers?: Given<Input, readonly string[]>;
}
