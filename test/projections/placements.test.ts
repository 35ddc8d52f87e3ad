/** Recorded placements replayed: the strategy that made them says the same again, another may not. */
import { expect, it } from "vitest";
import { firstAvailable } from "../../src/cluster/strategies/first-available.ts";
import { loadBalanced } from "../../src/cluster/strategies/load-balanced.ts";
import { localityAware } from "../../src/cluster/strategies/locality-aware.ts";
import {
  byPreference,
  dag,
  graph,
  type Millrace,
  type RecordedEvent,
  replayPlacements,
} from "../../src/index.ts";
import { ALL_STORES, only, onStores, sleep, until } from "../engine/kit/scene.ts";

const firstByName = byPreference("first-by-name", () => ({ ranks: [], reason: "by name" }));

const work = dag("work").add(
  { id: "a", cost: { cpu: 1 }, durability: "node", code: () => sleep(2).then(() => "x") },
  ...["b", "c", "d"].map((id) => ({
    id,
    args: ["a"],
    cost: { cpu: 1 },
    code: () => sleep(2).then(() => id),
  })),
  { id: "e", args: ["b", "c", "d"], cost: { memory: 2 }, code: () => "e" },
);

onStores(
  "placements in the log",
  (scene) => {
    async function three(strategies = [firstByName]): Promise<Millrace> {
      const options = { workflows: [work.workflow], allocators: strategies } as const;
      const a = await scene().open({ ...options, node: "a", resources: { cpu: 2 } });
      await scene().open({ ...options, node: "b", resources: { cpu: 2, memory: 2 } });
      await scene().open({ ...options, node: "c", resources: { cpu: 4 } });
      await until("they know each other", async () => (await a.nodes()).length === 3);
      return a;
    }

    it("say the same again by the strategy that made them, and why another differs", async () => {
      const millrace = await three();
      const strategies = [firstAvailable, loadBalanced, localityAware, firstByName];
      for (const { name } of strategies) await millrace.execute(work, { id: name, strategy: name });
      const log = await scene().log();
      for (const strategy of strategies) {
        const own = (event: RecordedEvent): boolean => event.run === strategy.name;
        const again = [...replayPlacements(log.filter(own), strategy)];
        expect(again.map(({ step }) => step).sort()).toEqual([..."abcde"]);
        expect(again.filter(({ same }) => !same)).toEqual([]);
      }
      const byName = [...replayPlacements(log, firstByName)];
      expect(byName).toHaveLength(20);
      // Only one node has memory, whoever chooses.
      expect(byName.filter(({ step }) => step === "e").map(({ node }) => node)).toEqual([
        ..."bbbb",
      ]);
      for (const { other, same, node } of byName) {
        expect(same).toBe("node" in other && other.node === node);
      }
    });
  },
  ["memory", "nats"],
);

onStores(
  "placements at the host",
  (scene) => {
    it("are replayed by what runs without a strategy do, and steps without a place have none", async () => {
      const flow = graph("plain")
        .step("nothing", () => 1)
        .step("cpu", { needs: ["nothing"], resources: { cpu: 1 } }, () => 2)
        .build();
      const millrace = await scene().open({ workflows: [flow], node: "a", resources: { cpu: 1 } });
      const run = await millrace.start(flow);
      await run.result();
      const events = await scene().log(run.id);
      const [cpu] = only(events, "step.started").filter(({ step }) => step === "cpu");
      expect([...replayPlacements(events)]).toEqual([
        {
          run: run.id,
          seq: cpu?.seq,
          step: "cpu",
          attempt: 1,
          node: "a",
          strategy: "host-first",
          reason: "room at the run's host",
          other: { node: "a", now: true, strategy: "host-first", reason: "room at the run's host" },
          same: true,
        },
      ]);
    });
  },
  ALL_STORES,
);
