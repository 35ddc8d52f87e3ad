/** Opens the NATS adapter as tests need it, in any process: imports nothing of the test runner. */
import { natsStore } from "../../src/adapters/nats/store.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { systemIds } from "../../src/kernel/ids.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import type { Store } from "../../src/ports/store.ts";

/** A namespace that no other test has. */
export const freshNamespace = (): string => `test-${systemIds()}`;

export interface OpenOptions {
  readonly namespace?: string;
  readonly node?: string;
  readonly leaseMs?: number;
  readonly connectTimeoutMs?: number;
  readonly replicas?: number;
}

/** A store by the machine's own clock, in a namespace of its own unless one is given. */
export function openNats(url: string, options: OpenOptions = {}): Promise<Store> {
  const world = { clock: systemClock(), random: systemRandom, ids: systemIds };
  return natsStore(url, { namespace: freshNamespace(), node: "node-1", world, ...options });
}
