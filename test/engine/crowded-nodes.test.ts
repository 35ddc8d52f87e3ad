/**
 * The log tells what attempts take, event by event over all runs: never more of a node than it has, whatever
 * ends them. `checkLog` (I28) says so of every scene; here nodes are as crowded as they can be.
 */
import { expect, it } from "vitest";
import { amountOf } from "../../src/cluster/resources.ts";
import { graph, workflow } from "../../src/index.ts";
import { RecordedLoad } from "../../src/projections/recorded-load.ts";
import { onStores, refusal, sleep, until } from "./kit/scene.ts";

const NODES = {
  n1: { cpu: 2, memory: 16 },
  n2: { cpu: 3, memory: 8 },
  n3: { memory: 12, gpu: 1 },
} as const;

const often = { retry: { initial: 1, maxAttempts: 3 } } as const;

const crowd = graph("crowd")
  .step("list", () => Array.from({ length: 12 }, (_, n) => n))
  .map("small", { over: "list", resources: { cpu: 1, memory: 2 }, ...often }, async (ctx, n) => {
    await sleep(n % 3);
    if (n % 4 === 1 && ctx.attempt === 1) throw new Error("again");
  })
  .step("large", { needs: ["list"], resources: { cpu: 2, memory: 8 }, ...often }, () => sleep(2))
  .step("plain", { needs: ["list"] }, () => sleep(1))
  .step("gpu", { needs: ["plain"], resources: { gpu: 1 }, startToClose: 4, ...often }, (ctx) =>
    sleep(ctx.attempt === 1 ? 20 : 0),
  )
  .build();

const called = workflow("called", async (ctx) => {
  const asked = [1, 2, 3, 4].map((n) =>
    ctx.run(`one-${n}`, () => sleep(1), { resources: { memory: 4 }, ...often }),
  );
  await ctx.all(asked);
});

onStores(
  "nodes that are full all the time",
  (scene) => {
    it("hold no more than they have at any event of the log, and nothing at its end", async () => {
      const workflows = [crowd, called];
      const nodes = await Promise.all(
        Object.entries(NODES).map(([node, resources]) =>
          scene().open({ workflows, node, resources, worker: { steps: 4 } }),
        ),
      );
      const [client] = nodes;
      if (client === undefined) throw new Error("there is no node");
      await until("all are known", async () => (await client.nodes()).length === 3);
      const runs = await Promise.all(
        Array.from({ length: 12 }, (_, n) => client.start(n % 3 === 2 ? called : crowd)),
      );
      const stopped = runs.splice(0, 2);
      const ends = Promise.all(stopped.map((run) => refusal(run.result({ timeoutMs: 30_000 }))));
      await until("one is under way", async () =>
        (await stopped[0]?.get())?.steps.some(({ status }) => status === "running"),
      );
      await Promise.all(stopped.map((run) => run.cancel({ reason: "enough" })));
      await Promise.all([ends, ...runs.map((run) => run.result({ timeoutMs: 30_000 }))]);
      const load = new RecordedLoad();
      const peak: Record<string, number> = {};
      for (const event of await scene().log()) {
        load.take(event);
        for (const [node, resources] of Object.entries(NODES)) {
          for (const [name, has] of Object.entries({ steps: 4, ...resources })) {
            const taken = amountOf(load.of(node), name);
            peak[`${node} ${name}`] = Math.max(peak[`${node} ${name}`] ?? 0, taken / has);
          }
        }
      }
      expect(Object.entries(peak).filter(([, share]) => share > 1)).toEqual([]);
      expect(peak).toMatchObject({ "n1 cpu": 1, "n2 cpu": 1, "n3 gpu": 1 });
      for (const node of Object.keys(NODES)) {
        expect(Object.values(load.of(node)).every((amount) => amount === 0)).toBe(true);
      }
      await until("all is given back", async () =>
        (await client.nodes()).every(
          ({ free, resources }) => JSON.stringify(free) === JSON.stringify(resources),
        ),
      );
    });
  },
  ["memory", "nats"],
);
