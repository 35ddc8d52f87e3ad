/** Work that somebody elsewhere waits for and nobody else would repeat. */
import { pause } from "../../kernel/clock.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import { limits } from "../../kernel/limits.ts";
import type { Engine } from "../engine.ts";

/**
 * Does it again and again for as long as the store is away; any other fault is the caller's.
 * @param whose the run or node that it is about, for the log
 * @param isWanted looked at before it is done again
 */
export async function untilDone(
  engine: Engine,
  whose: Readonly<Record<string, string>>,
  work: () => Promise<unknown>,
  isWanted: () => boolean = () => true,
): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (!isMillraceError(error, "E_STORE_UNAVAILABLE")) throw error;
      engine.logger.warn("trying again", { ...whose, error: String(error) });
    }
    await pause(engine.world.clock, limits.parkAfterMs);
    if (!isWanted()) return;
  }
}
