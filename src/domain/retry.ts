/** Retry arithmetic. Pure: the random number comes in. */
import type { RetryPolicy } from "./plan.ts";

/**
 * Milliseconds to wait after the `attempt`-th attempt (1, 2, …) failed: exponential, capped, then
 * partly random ("equal jitter" at 0.5, "full jitter" at 1; Marc Brooker, "Exponential Backoff And
 * Jitter", 2015).
 * @param random uniform in [0, 1)
 */
export function backoffMs(policy: RetryPolicy, attempt: number, random: number): number {
  // 0 times a factor grown to Infinity would be NaN.
  const grown = policy.initialMs === 0 ? 0 : policy.initialMs * policy.factor ** (attempt - 1);
  const capped = Math.min(grown, policy.maxMs);
  return Math.round(capped * (1 - policy.jitter * random));
}
