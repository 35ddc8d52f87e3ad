/**
 * Keeps a workflow function's loose ends from ending the process. A helper that awaits a step and
 * is itself awaited only later (`const p = both(ctx); await ctx.sleep(…); await p`) rejects before
 * anybody listens; Node would take the whole worker down for it, and again after every restart.
 *
 * Node announces such rejections through `process.emit`, in the async context in which the promise
 * was made. That call is intercepted rather than listened to: a listener would turn off Node's own
 * reaction to everybody else's rejections, and test runners' (vitest looks whether it is the only
 * listener).
 */
import { AsyncLocalStorage } from "node:async_hooks";

const inside = new AsyncLocalStorage<true>();
let intercepting = false;

/**
 * Calls `fn`; rejections that nobody handles, of promises made by it or by whatever it goes on to
 * do, are left to whoever awaits those promises later. For all others nothing changes.
 */
export function contained<T>(fn: () => T): T {
  if (!intercepting) {
    intercepting = true;
    intercept();
  }
  return inside.run(true, fn);
}

function intercept(): void {
  const emit = process.emit as (...args: readonly unknown[]) => boolean;
  const left = new WeakSet<object>();
  process.emit = ((...args: readonly unknown[]) => {
    // True means to Node: somebody has taken care of it.
    if (args[0] === "unhandledRejection" && inside.getStore()) {
      left.add(args[2] as object);
      return true;
    }
    // Without this, Node warns when somebody awaits the promise after all.
    if (args[0] === "rejectionHandled" && left.has(args[1] as object)) return true;
    return Reflect.apply(emit, process, args);
  }) as typeof process.emit;
}
