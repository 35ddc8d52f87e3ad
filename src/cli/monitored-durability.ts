/**
 * What a nats-server tells only on its monitoring port: how often it forces its store to disk. Asked
 * for when the user names that port (`doctor --monitor`); nothing else ever looks there.
 */
import type { Clock } from "../kernel/clock.ts";
import { MillraceError } from "../kernel/errors.ts";

const ANSWER_MS = 5_000;
const MS_PER_NS = 1e-6;

/** What the server forces to disk, and when. */
export interface MonitoredDurability {
  /** "always", or the longest time that an acknowledged frame may be unsynced, in ms. */
  readonly sync: "always" | number;
  readonly storeDirectory: string;
}

/**
 * @param address of the monitoring port: `http://host:8222`
 * @throws MillraceError `E_OPTION_INVALID` for no such address, `E_STORE_UNAVAILABLE` when nothing
 * useful answers there
 */
export async function monitoredDurability(
  address: string,
  clock: Clock,
): Promise<MonitoredDurability> {
  const url = URL.canParse("/varz", address) ? new URL("/varz", address) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new MillraceError(
      "E_OPTION_INVALID",
      `--monitor: ${JSON.stringify(address)} is not the address of a monitoring port; it is written http://host:8222`,
    );
  }
  const found = await ask(url, clock);
  const { config } = (found as { jetstream?: { config?: Config } }).jetstream ?? {};
  if (config === undefined) throw useless(url, "it says nothing of JetStream");
  const { sync_always: always, sync_interval: ns = 0, store_dir: storeDirectory = "" } = config;
  return { sync: always ? "always" : Math.round(ns * MS_PER_NS), storeDirectory };
}

interface Config {
  readonly sync_always?: boolean;
  /** Nanoseconds. */
  readonly sync_interval?: number;
  readonly store_dir?: string;
}

async function ask(url: URL, clock: Clock): Promise<object> {
  const giveUp = new AbortController();
  const cancel = clock.after(ANSWER_MS, () => giveUp.abort());
  try {
    const answer = await fetch(url, { signal: giveUp.signal });
    return (await answer.json()) as object;
  } catch (cause) {
    throw useless(url, String(cause), cause);
  } finally {
    cancel();
  }
}

const useless = (url: URL, why: string, cause?: unknown): MillraceError =>
  new MillraceError(
    "E_STORE_UNAVAILABLE",
    `no nats-server answers at ${url.origin}: ${why}; start it with a monitoring port (-m 8222)`,
    { cause },
  );
