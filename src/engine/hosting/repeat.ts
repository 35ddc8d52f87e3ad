/** Work that a process does again and again for as long as it lives: heartbeats, leases, sweeps. */
import { pause } from "../../kernel/clock.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import { limits } from "../../kernel/limits.ts";
import type { Engine } from "../engine.ts";

/** Pauses are longer or shorter by at most this share of them. */
const ABOUT = 0.1;

/**
 * Calls `work` again and again, about `everyMs` apart, until the signal aborts or the store is closed. A
 * fault is logged and slept on. Never rejects.
 * @param about by which share a pause is longer or shorter, at random: so processes do not do it all at once
 */
export async function repeat(
  { world, logger }: Engine,
  everyMs: number,
  signal: AbortSignal,
  work: () => Promise<void>,
  about = ABOUT,
): Promise<void> {
  const { clock, random, upkeep = clock } = world;
  while (!signal.aborted) {
    try {
      await work();
      if (everyMs > 0) await pause(upkeep, everyMs * (1 + about * (2 * random.next() - 1)), signal);
    } catch (error) {
      if (isMillraceError(error, "E_STORE_CLOSED")) return;
      logger.warn("trying again", { error: String(error) });
      await pause(clock, limits.parkAfterMs, signal);
    }
  }
}
