/** Waiting for a result: the run is listened to, and looked at again when it says something about it. */
import type { Engine } from "../engine/engine.ts";
import { openFrame } from "../events/frame.ts";
import { awaitedLater, deferred } from "../kernel/async.ts";
import { MillraceError } from "../kernel/errors.ts";
import { err, ok, type Result } from "../kernel/result.ts";
import { tellsOf } from "./result-places.ts";
import { isNotYet } from "./result-refusals.ts";

/** As in Handoff: a fetch that is under way when the time is up gets this much longer. */
const GRACE_MS = 500;

/**
 * What `get` gives, as soon as it does.
 * @param timeoutMs how long to wait; `get` is called once at least
 * @throws MillraceError `E_TIMEOUT`, whose cause is why there was nothing; what `get` throws that will not
 * pass by itself
 */
export async function awaitResult(
  engine: Engine,
  run: string,
  id: string,
  timeoutMs: number,
  get: () => Promise<unknown>,
): Promise<unknown> {
  const { clock } = engine.world;
  const late = (cause?: unknown): MillraceError =>
    new MillraceError(
      "E_TIMEOUT",
      `result ${id} of run ${run} was not there within ${timeoutMs} ms; ask again, or look at the run with \`millrace show ${run}\``,
      { cause, details: { run, id } },
    );
  const waiting = new AbortController();
  const end = deferred<never>();
  const cancels = [
    clock.after(timeoutMs, () => waiting.abort()),
    clock.after(timeoutMs + GRACE_MS, () => end.reject(late())),
  ];
  const result = listen(engine, run, id, get, waiting.signal).then((found) => {
    if (!found.ok) throw late(found.error);
    return found.value;
  });
  try {
    // One of the two is not waited for, and may reject later.
    return await Promise.race([awaitedLater(result), awaitedLater(end.promise)]);
  } finally {
    for (const cancel of cancels) cancel();
    waiting.abort();
  }
}

async function listen(
  engine: Engine,
  run: string,
  id: string,
  get: () => Promise<unknown>,
  signal: AbortSignal,
): Promise<Result<unknown, unknown>> {
  const { log } = engine.store;
  // Asked for first, so that nothing can come between the first look and the listening.
  const after = await log.head(run);
  let found = await attempt(get);
  if (found.ok) return found;
  for await (const stored of log.subscribe({ run }, after, signal)) {
    const { frame } = openFrame(run, stored.bytes, engine.codecs);
    if (!frame.events.some((event) => tellsOf(event, id))) continue;
    found = await attempt(get);
    if (found.ok) return found;
  }
  // The subscription also ends when the store is closed, and then this says so.
  return signal.aborted ? found : ok(await get());
}

async function attempt(get: () => Promise<unknown>): Promise<Result<unknown, unknown>> {
  try {
    return ok(await get());
  } catch (error) {
    if (!isNotYet(error)) throw error;
    return err(error);
  }
}
