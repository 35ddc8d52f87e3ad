/** Runs the contract suites under vitest: one `describe` per port, one `it` per case. */
import { describe, expect, it } from "vitest";
import { blobStoreContract } from "../../src/testing/contracts/blob-store-contract.ts";
import { type ContractCase, type Place, runCase } from "../../src/testing/contracts/contract.ts";
import { eventLogContract } from "../../src/testing/contracts/event-log-contract.ts";
import { inboxContract } from "../../src/testing/contracts/inbox-contract.ts";
import { nodeRegistryContract } from "../../src/testing/contracts/node-registry-contract.ts";
import { nodeValuesContract } from "../../src/testing/contracts/node-values-contract.ts";
import { viewStoreContract } from "../../src/testing/contracts/view-store-contract.ts";
import { workQueueContract } from "../../src/testing/contracts/work-queue-contract.ts";

/** A case that an adapter is known not to pass, and why. Fails once the case passes. */
export interface Deviation {
  readonly port: keyof typeof suites;
  readonly name: string;
  readonly reason: string;
}

/** The suites by port. */
export const suites = {
  "event log": eventLogContract,
  inbox: inboxContract,
  "work queue": workQueueContract,
  "node registry": nodeRegistryContract,
  "blob store": blobStoreContract,
  "view store": viewStoreContract,
  "values of nodes": nodeValuesContract,
} as const satisfies Record<string, readonly ContractCase[]>;

/** Longer than a case may take: what took too long is said by the case. */
const PATIENCE = { timeout: 120_000 };

/** Suites that mostly wait for leases and times; their cases wait side by side. */
const patient: ReadonlySet<string> = new Set(["work queue", "node registry"]);

/**
 * Declares the contract tests of one adapter.
 * @param name the adapter, as the tests are titled
 * @param place makes an empty scratch place; called once per case
 * @param ports whose suites; default: all
 */
export function contractTests(
  name: string,
  place: () => Promise<Place>,
  deviations: readonly Deviation[] = [],
  ports: readonly string[] = Object.keys(suites),
): void {
  for (const [port, cases] of Object.entries(suites)) {
    if (!ports.includes(port)) continue;
    const listed = new Map(deviations.filter((one) => one.port === port).map((d) => [d.name, d]));
    describe(`${name}: ${port}`, { concurrent: patient.has(port) }, () => {
      it("lists each deviation by the name of a case", () => {
        const names = new Set(cases.map((test) => test.name));
        expect([...listed.keys()].filter((known) => !names.has(known))).toEqual([]);
      });
      for (const test of cases) {
        const deviation = listed.get(test.name);
        if (deviation === undefined)
          it(test.name, PATIENCE, async ({ annotate }) => {
            const outcome = await runCase(test, place);
            if (outcome === "not applicable") await annotate(`needs ${test.requires?.join()}`);
          });
        else
          it(`${test.name} (deviates: ${deviation.reason})`, async () => {
            await expect(runCase(test, place)).rejects.toThrow();
          });
      }
    });
  }
}
