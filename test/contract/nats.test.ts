/** The NATS adapter keeps every contract, on a real nats-server. */
import { contractLeaseMs } from "../../src/testing/contracts/contract.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { freshNamespace, openNats, removeNamespace } from "../support/nats-store.ts";
import { contractTests } from "./harness.ts";

const url = sharedNatsServer();

contractTests("nats", async () => {
  const namespace = freshNamespace();
  return {
    capabilities: ["durable", "shared"],
    open: (node = "node-1") => openNats(url(), { namespace, node, leaseMs: contractLeaseMs }),
    destroy: () => removeNamespace(url(), namespace),
  };
});
