/** Opens the NATS adapter as tests need it, in any process: imports nothing of the test runner. */
import { namespaceRemover } from "../../src/adapters/nats/remove-namespace.ts";
import { natsStore } from "../../src/adapters/nats/store.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { systemIds } from "../../src/kernel/ids.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import type { Store } from "../../src/ports/store.ts";

/** A namespace that no other test has. */
export const freshNamespace = (): string => `test-${systemIds()}`;

const systemWorld = () => ({ clock: systemClock(), random: systemRandom, ids: systemIds });

export interface OpenOptions {
  readonly namespace?: string;
  readonly node?: string;
  readonly leaseMs?: number;
  readonly connectTimeoutMs?: number;
  readonly replicas?: number;
  readonly partitions?: number;
}

/** A store by the machine's own clock, in a namespace of its own unless one is given. */
export function openNats(url: string, options: OpenOptions = {}): Promise<Store> {
  const world = systemWorld();
  return natsStore(url, { namespace: freshNamespace(), node: "node-1", world, ...options });
}

/** Takes a namespace from the server with all that is in it: thousands of streams would cost all tests time. */
export async function removeNamespace(url: string, namespace: string): Promise<void> {
  const remover = await namespaceRemover(url, systemWorld());
  await remover.remove(namespace);
  await remover.close();
}
