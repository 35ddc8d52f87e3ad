/** The NATS adapter keeps what is promised of a log that is divided, and of erasing there, on a real nats-server. */
import { describe, it } from "vitest";
import { contractLeaseMs, type Place, runCase } from "../../src/testing/contracts/contract.ts";
import { eventLogEraseContract } from "../../src/testing/contracts/event-log-erase-contract.ts";
import { eventLogPartitionContract } from "../../src/testing/contracts/event-log-partition-contract.ts";
import { viewStoreContract } from "../../src/testing/contracts/view-store-contract.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { freshNamespace, openNats, removeNamespace } from "../support/nats-store.ts";

const url = sharedNatsServer();

async function place(): Promise<Place> {
  const given = { namespace: freshNamespace(), partitions: 3, leaseMs: contractLeaseMs };
  return {
    capabilities: ["durable", "shared"],
    partitions: 3,
    open: (node = "node-1") => openNats(url(), { ...given, node }),
    destroy: () => removeNamespace(url(), given.namespace),
  };
}

/** The other cases are about one run, which lies on one stream: `nats.test.ts` has them. */
const cases = [
  ...eventLogPartitionContract,
  ...eventLogEraseContract,
  ...viewStoreContract.filter(({ requires }) => requires?.includes("partitioned")),
].filter(({ requires }) => !requires?.includes("ordered"));

describe("nats in three partitions", () => {
  for (const test of cases) it(test.name, () => runCase(test, place).then(() => undefined));
});
