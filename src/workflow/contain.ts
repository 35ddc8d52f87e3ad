/**
 * Keeps a workflow function's loose ends from ending the process. A helper that awaits a step and is
 * itself awaited only later (`const p = both(ctx); await ctx.sleep(…); await p`) rejects before anybody
 * listens; Node would take the whole worker down for it, and again after every restart.
 */
import { AsyncLocalStorage } from "node:async_hooks";

const inside = new AsyncLocalStorage<true>();
let listening = false;

/**
 * Calls `fn`; rejections that nobody handles, of promises made by it or by whatever it goes on to do,
 * are left to whoever awaits those promises later. All others end the process as before.
 */
export function contained<T>(fn: () => T): T {
  if (!listening) {
    listening = true;
    process.on("unhandledRejection", passOnForeign);
  }
  return inside.run(true, fn);
}

/** Node restores the context in which the rejected promise was made. */
function passOnForeign(reason: unknown): void {
  if (inside.getStore()) return;
  // A listener alone turns Node's own reaction off; without another one, react as Node would.
  if (process.listenerCount("unhandledRejection") === 1) throw reason;
}
