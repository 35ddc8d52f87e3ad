/**
 * Work on hints that follows something durable: a ticket to offer, a host to wake. When the store cannot be
 * reached for it, what was written still stands and a sweep makes up for the hint; whoever wrote it must
 * not be told that it failed.
 */
import { isMillraceError } from "../kernel/errors.ts";
import type { Engine } from "./engine.ts";

const AWAY = ["E_STORE_UNAVAILABLE", "E_STORE_MISSING", "E_STORE_CLOSED"] as const;

/** Does `work`; that the store is away is only logged. */
export async function asHint(
  engine: Engine,
  run: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!AWAY.some((code) => isMillraceError(error, code))) throw error;
    engine.logger.warn("a hint was not given; a sweep will", { run, error: String(error) });
  }
}
