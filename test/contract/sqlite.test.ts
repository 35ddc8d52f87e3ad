/** The contract suites over the embedded store: a file in a scratch folder, and one in memory. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqliteStore } from "../../src/adapters/sqlite/store.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { systemIds } from "../../src/kernel/ids.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import type { Store } from "../../src/ports/store.ts";
import { contractLeaseMs, type Place } from "../../src/testing/contracts/contract.ts";
import { contractTests } from "./harness.ts";

const world = { clock: systemClock(), random: systemRandom, ids: systemIds };

const openAs = (path: string, node = "node-1"): Promise<Store> =>
  sqliteStore(path, { namespace: "contract", node, leaseMs: contractLeaseMs, world });

contractTests("sqlite file", async (): Promise<Place> => {
  const folder = await mkdtemp(join(tmpdir(), "millrace-sqlite-"));
  return {
    capabilities: ["durable", "shared"],
    open: (node) => openAs(join(folder, "store.db"), node),
    destroy: () => rm(folder, { recursive: true }),
  };
});

contractTests(
  "sqlite in memory",
  async (): Promise<Place> => ({
    capabilities: [],
    open: (node) => openAs(":memory:", node),
    destroy: async () => undefined,
  }),
);
