// Results that stay on the node that made them, with real processes that are killed.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { sharedNatsServer } from "../support/nats-server.ts";
import { keeping, fleet as workflows } from "./fixtures/fleet-dags.ts";
import { Fleet } from "./kit/fleet.ts";

describe("results that stay where they were made", () => {
  const url = sharedNatsServer();
  const undo: (() => unknown)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  const stores = {
    nats: () => url(),
    sqlite() {
      const folder = mkdtempSync(join(tmpdir(), "millrace-kept-"));
      undo.push(() => rmSync(folder, { recursive: true }));
      return `sqlite:${join(folder, "store.db")}`;
    },
  };

  it.each(Object.entries(stores))(
    "are fetched from whoever has them, and made again when nobody has: %s",
    async (_name, store) => {
      const fleet = new Fleet(store());
      undo.push(() => fleet.close());
      await Promise.all([fleet.node("n1", { cpu: 1 }), fleet.node("n2", { cpu: 1 })]);
      const client = await fleet.open({ node: "a", worker: false, workflows });
      const { dagId } = await client.executeDistributed(keeping, { timeout: "20s" });
      const { results, locations } = client.stores;
      const ofClient = await client.get(dagId);
      expect(ofClient.steps.map(({ output }) => output)).toMatchObject([
        { bytes: 300_002, node: "n1", step: "made" },
        { node: "n2", step: "taken" },
      ]);
      expect(await locations.lookupLocation(dagId, "made")).toBe("n1");
      // Fetched by the execution; somebody who comes later has it from n2, which took it as an argument.
      await fleet.kill("n1");
      const later = await fleet.open({ node: "b", worker: false, workflows });
      expect(await later.stores.results.getWithFetch(dagId, "made")).toHaveLength(300_000);
      expect(await results.get(dagId, "taken")).toBe("300000 characters");
      await fleet.kill("n2");
      await Promise.all([client.close(), later.close()]);
      const last = await fleet.open({ node: "c", workflows });
      expect(await last.stores.results.getWithFetch(dagId, "taken")).toBe("300000 characters");
      expect(await last.stores.locations.lookupLocation(dagId, "taken")).toBe("c");
      // What it was made from was made again first.
      expect(await last.stores.results.get(dagId, "made")).toHaveLength(300_000);
    },
  );
});
