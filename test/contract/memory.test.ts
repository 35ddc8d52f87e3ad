/**
 * The memory adapter against the contracts, in the machine's time and in virtual time; and the
 * contracts against faulty adapters, because a suite that cannot fail says nothing.
 */
import { describe, expect, it } from "vitest";
import { MemoryBackend, memoryStore } from "../../src/adapters/memory/store.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { systemIds } from "../../src/kernel/ids.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import type { Store } from "../../src/ports/store.ts";
import {
  type ContractCase,
  contractLeaseMs,
  type Place,
  runContract,
} from "../../src/testing/contracts/contract.ts";
import { VirtualTime } from "../../src/testing/simulation/virtual-time.ts";
import { type Fault, faults } from "./faults.ts";
import { contractTests, suites } from "./harness.ts";

const place = (
  clock: Clock,
  faulty: (store: Store) => Store = (store) => store,
  partitions = 1,
): Place => {
  const share = new MemoryBackend(clock, partitions);
  const world = { clock, random: systemRandom, ids: systemIds };
  return {
    capabilities: ["durable", "shared"],
    partitions,
    clock,
    open: async (node = "node-1") =>
      faulty(memoryStore({ namespace: "default", node, leaseMs: contractLeaseMs, world, share })),
    destroy: async () => undefined,
  };
};

const DECADE_MS = 10 * 365 * 86_400_000;

/** Virtual time that goes by on its own as long as somebody waits for it. */
function virtualClock(): Clock {
  const time = new VirtualTime();
  let going = false;
  const go = async (): Promise<void> => {
    going = true;
    await time.when(() => false, DECADE_MS);
    going = false;
  };
  return {
    now: () => time.now(),
    mono: () => time.mono(),
    turn: () => time.turn(),
    after(ms, fire) {
      const cancel = time.after(ms, fire);
      if (!going) void go();
      return cancel;
    },
  };
}

contractTests("memory", async () => place(systemClock()));
contractTests("memory in virtual time", async () => place(virtualClock()));
contractTests(
  "memory in three partitions",
  async () => place(systemClock(), undefined, 3),
  [],
  ["event log", "view store"],
);

describe("memory in virtual time", () => {
  it("holds a ticket for a year and gives it at that very moment", async () => {
    const clock = virtualClock();
    const at = clock.now() + 365 * 86_400_000;
    const { queue } = await place(clock).open();
    await queue.offer({ workflow: "flow", run: "a" }, at);
    const { signal } = new AbortController();
    const [claim] = await queue.claim({ workflows: ["flow"], max: 1, signal });
    expect(claim?.ticket.run).toBe("a");
    expect(clock.now()).toBe(at);
  });

  it("sets no timer unless a claim waits, and leaves none behind", async () => {
    const real = systemClock();
    let pending = 0;
    const clock: Clock = {
      ...real,
      after(ms, fire) {
        pending += 1;
        const cancel = real.after(ms, fire);
        return () => {
          pending -= 1;
          cancel();
        };
      },
    };
    const store = await place(clock).open();
    await store.queue.offer({ workflow: "flow", run: "a" }, clock.now() + 1e9);
    expect(pending).toBe(0);
    const { signal } = new AbortController();
    const claiming = store.queue.claim({ workflows: ["flow"], max: 1, signal });
    expect(pending).toBe(1);
    await store.close();
    expect(await claiming).toEqual([]);
    expect(pending).toBe(0);
  });
});

describe("the contracts notice", () => {
  /** The first case that fails; the others would say nothing more. */
  const failure = async (
    cases: readonly ContractCase[],
    fault: Fault,
  ): Promise<string | undefined> => {
    const faulty = (store: Store): Store => ({ ...store, ...fault(store) });
    for await (const result of runContract(cases, async () => place(virtualClock(), faulty)))
      if (result.outcome === "failed") return result.name;
    return undefined;
  };
  for (const port of Object.keys(suites) as (keyof typeof suites)[])
    for (const [what, fault] of Object.entries(faults[port]))
      it(`${port}: ${what}`, async () => {
        expect(await failure(suites[port], fault)).toBeDefined();
      });
});
