/**
 * How a step is run, as users say it: the options, their defaults, and their meaning as a policy.
 */
import type { RetryPolicy, StepPolicy, WhenFailed } from "../domain/plan.ts";
import type { Duration } from "../kernel/duration.ts";
import { limits } from "../kernel/limits.ts";
import {
  durationOption,
  flagOption,
  invalid,
  numberOption,
  type Read,
  readOptions,
} from "./options.ts";
import { PLACE_OPTIONS, type PlaceOptions, readPlace } from "./place.ts";

/** When and how often a failed step is tried again. */
export interface RetryOptions {
  /** Attempts in all, the first included; 1: never again. @default 4 */
  readonly maxAttempts?: number;
  /** Wait after the first failed attempt. @default "1s", or `max` if that is shorter */
  readonly initial?: Duration;
  /** Each wait is this many times the one before; 1 to 100. @default 2 */
  readonly factor?: number;
  /** No wait is longer. @default "1m", or `initial` if that is longer */
  readonly max?: Duration;
  /** 0 to 1: which share of a wait is random. @default 0.5 */
  readonly jitter?: number;
}

/** How a step is run. Timeouts must be above zero; without one, that time is not limited. */
export interface PolicyOptions extends PlaceOptions {
  readonly retry?: RetryOptions;
  /** Longest time of one attempt, from beginning to end. */
  readonly startToClose?: Duration;
  /** Longest time from the moment the step could run to its beginning. */
  readonly scheduleToStart?: Duration;
  /** Longest silence of a running attempt; `ctx.heartbeat()` breaks it. */
  readonly heartbeat?: Duration;
  /**
   * What it does cannot be taken back (money sent, letters mailed). A fork or rerun that would do it again
   * is refused unless it says `allowIrreversible: true`. @default false
   */
  readonly irreversible?: boolean;
  /**
   * Where what it returns is kept. `durable`: in the log, or as a blob, there for every process. `node`: only
   * on the node that made it, as long as that lives; others fetch it, and when nobody has it any more it is
   * made again by running the step's function again, so that must return the same for the same.
   * @default "durable"
   */
  readonly durability?: "durable" | "node";
  /**
   * When it fails for good: `fail` lets the run see it; `hold` keeps the step for somebody to retry, skip or
   * fail, and the run waits. @default as the workflow says, else "fail"
   */
  readonly whenFailed?: WhenFailed;
  /** The same for what undoes the step. @default as the workflow says, else "fail" */
  readonly whenUndoFailed?: WhenFailed;
}

/** What holds for a step that says nothing about retries. */
export const DEFAULT_RETRY: RetryPolicy = Object.freeze({
  maxAttempts: 4,
  initialMs: 1_000,
  factor: 2,
  maxMs: 60_000,
  jitter: 0.5,
});

/** Retries that all steps of one run may use together, unless the workflow says otherwise. */
export const DEFAULT_RETRY_BUDGET = 1_000;

const DEFAULT_POLICY: StepPolicy = Object.freeze({ retry: DEFAULT_RETRY });

/** The names of `PolicyOptions`. */
export const POLICY_OPTIONS = [
  "retry",
  "startToClose",
  "scheduleToStart",
  "heartbeat",
  "irreversible",
  "durability",
  ...PLACE_OPTIONS,
  "whenFailed",
  "whenUndoFailed",
] as const;
const FACTOR_MAX = 100;
const RETRY_OPTIONS = ["maxAttempts", "initial", "factor", "max", "jitter"] as const;

/**
 * The policy that options mean, frozen.
 * @param what whose they are, for messages: "step a"
 * @throws MillraceError `E_DEF_INVALID`, `E_OPTION_INVALID`
 */
export function readPolicy(what: string, read: Read): StepPolicy {
  if (!POLICY_OPTIONS.some((key) => read.has(key))) return DEFAULT_POLICY;
  const scheduleToStartMs = timeout(what, read, "scheduleToStart");
  const startToCloseMs = timeout(what, read, "startToClose");
  const heartbeatMs = timeout(what, read, "heartbeat");
  if (heartbeatMs !== undefined && startToCloseMs !== undefined && heartbeatMs >= startToCloseMs) {
    throw invalid(
      `${what}: a heartbeat timeout of ${heartbeatMs} ms can never end an attempt that startToClose ends after ${startToCloseMs} ms; make heartbeat shorter or leave it out`,
    );
  }
  const place = readPlace(what, read);
  return Object.freeze({
    retry: readRetry(what, read.get("retry")),
    ...(place === undefined ? {} : { place }),
    ...(scheduleToStartMs === undefined ? {} : { scheduleToStartMs }),
    ...(startToCloseMs === undefined ? {} : { startToCloseMs }),
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    ...(flagOption(what, read, "irreversible") ? { irreversible: true } : {}),
    ...readDurability(what, read.get("durability")),
    ...readWhenFailed(what, read),
  });
}

function readDurability(what: string, raw: unknown): Pick<StepPolicy, "durability"> {
  if (raw === undefined || raw === "durable") return {};
  if (raw === "node") return { durability: raw };
  throw invalid(`${what}: durability must be "durable" or "node"`, { option: "durability" });
}

/**
 * What was said of failures for good, if anything was.
 * @throws MillraceError `E_DEF_INVALID` for anything but the two words
 */
export function readWhenFailed(
  what: string,
  read: Read,
): Pick<StepPolicy, "whenFailed" | "whenUndoFailed"> {
  const said: { whenFailed?: WhenFailed; whenUndoFailed?: WhenFailed } = {};
  for (const option of ["whenFailed", "whenUndoFailed"] as const) {
    const value = read.get(option);
    if (value === undefined) continue;
    if (value !== "fail" && value !== "hold") {
      throw invalid(`${what}: ${option} must be "fail" or "hold"`, { option });
    }
    said[option] = value;
  }
  return said;
}

function timeout(what: string, read: Read, key: string): number | undefined {
  const ms = durationOption(what, read, key);
  if (ms !== 0) return ms;
  throw invalid(
    `${what}: ${key} is 0, so the step could never succeed; leave it out for no limit`,
    {
      option: key,
    },
  );
}

function readRetry(what: string, raw: unknown): RetryPolicy {
  const whose = `${what}: retry`;
  const read = readOptions(whose, raw, RETRY_OPTIONS);
  const attempts = { min: 1, max: limits.attemptsMax, integer: true } as const;
  const initial = durationOption(whose, read, "initial");
  const max = durationOption(whose, read, "max");
  if (initial !== undefined && max !== undefined && initial > max) {
    throw invalid(`${whose}: initial (${initial} ms) is above max (${max} ms)`);
  }
  const initialMs = initial ?? Math.min(DEFAULT_RETRY.initialMs, max ?? DEFAULT_RETRY.maxMs);
  const factor = numberOption(whose, read, "factor", { min: 1, max: FACTOR_MAX });
  return Object.freeze({
    maxAttempts: numberOption(whose, read, "maxAttempts", attempts) ?? DEFAULT_RETRY.maxAttempts,
    initialMs,
    factor: factor ?? DEFAULT_RETRY.factor,
    maxMs: max ?? Math.max(DEFAULT_RETRY.maxMs, initialMs),
    jitter: numberOption(whose, read, "jitter", { min: 0, max: 1 }) ?? DEFAULT_RETRY.jitter,
  });
}
