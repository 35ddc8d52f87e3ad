/** Flow control as authors say it: how many runs of a workflow may be at work, who comes first, which starts become one. */
import type { Duration } from "../kernel/duration.ts";

/** What something is counted by: the same text, the same count. */
export interface Keyed<Input> {
  /** Deterministic; at most 256 characters. @default one count for all */
  key?(input: Input): string;
}

/** At most so many runs at once: from the admission of a run to its end, its waits included. */
export interface ConcurrencyLimit<Input> extends Keyed<Input> {
  readonly limit: number;
}

/** At most so many runs begin within any span of this length. */
export interface RateLimit<Input> extends Keyed<Input> {
  /** @see `limits.rateMax` */
  readonly limit: number;
  readonly per: Duration;
}

/** Starts that follow each other become one run; the newest input counts. */
export interface Debounce<Input> extends Keyed<Input> {
  /** It begins when no further start has come for so long … */
  readonly for: Duration;
  /** … but so long after the first at the latest. @default never before the quiet */
  readonly max?: Duration;
}

/** Several starts become one run, which gets the list of their inputs. */
export interface Batch<Input> extends Keyed<Input> {
  /** It begins when it has so many … */
  readonly max: number;
  /** … or so long after the first. */
  readonly within: Duration;
}

/** What may be said about runs of any workflow. */
interface CommonFlow<Input> {
  readonly concurrency?: ConcurrencyLimit<Input> | readonly ConcurrencyLimit<Input>[];
  readonly rateLimit?: RateLimit<Input> | readonly RateLimit<Input>[];
  /** Of runs that wait with the same fair key, the higher comes first; a whole number. @default 0 */
  priority?: number | ((input: Input) => number);
  /**
   * Runs that wait take turns by this key, so that none who starts many holds up others.
   * @default the key of the first limit that has one
   */
  readonly fairness?: Required<Keyed<Input>>;
}

/** How runs of a workflow are let in. */
export interface FlowOptions<Input> extends CommonFlow<Input> {
  readonly debounce?: Debounce<Input>;
  readonly batch?: never;
}

/** The same for a workflow whose runs get the inputs of several starts. Keys are of each start's input. */
export interface BatchFlowOptions<Input>
  extends Pick<CommonFlow<Input>, "concurrency" | "rateLimit" | "priority" | "fairness"> {
  readonly batch: Batch<Input>;
  readonly debounce?: never;
}
