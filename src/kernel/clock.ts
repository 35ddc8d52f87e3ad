/**
 * Time, as the engine sees it. Every wait and every timestamp of the system goes through a `Clock`,
 * so that a simulation can run weeks in milliseconds and a seed decides the order of equal times.
 */

/** Stops a pending timer; calling it again, or after the timer fired, does nothing. */
export type CancelTimer = () => void;

/** Time, timers and turns of the event loop. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump when the machine's clock is set. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. For measuring, never for recording. */
  mono(): number;
  /** Calls `fire` once, `ms` from now (0 and less: in a later turn). Any `ms` up to 2^53 is kept. */
  after(ms: number, fire: () => void): CancelTimer;
  /** Resolves in a later turn of the event loop, after all pending microtasks. */
  turn(): Promise<void>;
}

/** Node's `setTimeout` fires at once when asked for more than this (2^31 - 1 ms, about 24.8 days). */
const LONGEST_TIMEOUT_MS = 2_147_483_647;

/** The machine's own clock. Its timers keep the process alive unless `unref` is set. */
export const systemClock = (options: { unref?: boolean } = {}): Clock => ({
  now: () => Date.now(),
  mono: () => performance.now(),
  after(ms, fire) {
    let handle: NodeJS.Timeout;
    const arm = (left: number): void => {
      const step = Math.min(left, LONGEST_TIMEOUT_MS);
      handle = setTimeout(() => (left > step ? arm(left - step) : fire()), step);
      if (options.unref) handle.unref();
    };
    arm(Math.max(0, ms));
    return () => clearTimeout(handle);
  },
  turn: () => new Promise((resolve) => setImmediate(resolve)),
});

/**
 * Resolves after `ms`, or at once when `signal` aborts (look at `signal.aborted` to tell which).
 * Never rejects: a wait that is given up is not a failure.
 */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}
