/**
 * Nodes: what processes say about themselves, who watches whom, and how a peer is suspected, comes back
 * and is gone.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { successors } from "../../src/engine/nodes/fleet.ts";
import { Peer } from "../../src/engine/nodes/peer.ts";
import { graph } from "../../src/index.ts";
import type { NodeInfo } from "../../src/ports/node-registry.ts";
import { ALL_STORES, onStores, onVirtualTime, refusal, until } from "./kit/scene.ts";

const echo = graph<unknown>("echo")
  .step("only", (_ctx, input) => input)
  .build();

const info = (changes: Partial<NodeInfo> = {}): NodeInfo => ({
  id: "n",
  startedAt: 1,
  saidAt: 1,
  workflows: [],
  resources: {},
  free: {},
  labels: {},
  draining: false,
  ...changes,
});

describe("the ring", () => {
  it("leads from every node through all others, each once, in one order", () => {
    const ids = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,3}$/), { minLength: 1 });
    fc.assert(
      fc.property(ids, (all) => {
        const next = new Map(all.map((id) => [id, successors(id, all)]));
        for (const [id, others] of next) {
          expect([...others].sort()).toEqual(all.filter((one) => one !== id).sort());
          const [first] = others;
          // Whoever comes after me has all others after me after it, and me last.
          if (first) expect(next.get(first)).toEqual([...others.slice(1), id]);
        }
      }),
    );
  });
});

describe("a peer", () => {
  const patience = { suspectMs: 6_000, goneMs: 15_000 };

  it("is suspected when it is silent, and gone when it stays so", () => {
    const peer = new Peer(info(), 0);
    const states = [5_999, 6_000, 14_999, 15_000].map((now) => {
      peer.tick(now, patience);
      return peer.state;
    });
    expect(states).toEqual(["alive", "suspect", "suspect", "gone"]);
  });

  it("comes back when it is heard again, and drains when it says so", () => {
    const peer = new Peer(info(), 0);
    peer.tick(10_000, patience);
    peer.hear(info({ saidAt: 2 }), 10_001);
    expect(peer.state).toBe("alive");
    peer.hear(info({ saidAt: 3, draining: true }), 12_000);
    expect(peer.state).toBe("draining");
    peer.tick(26_999, patience);
    expect(peer.state).toBe("draining");
    peer.tick(27_000, patience);
    expect(peer.state).toBe("gone");
  });
});

onStores(
  "nodes",
  (scene) => {
    it("announce what they have; whoever asks sees them come, change and go", async () => {
      const client = await scene().open({ worker: false });
      const options = { workflows: [echo], worker: { steps: 3 }, labels: { zone: "a" } } as const;
      const one = await scene().open({ ...options, node: "one", resources: { cpu: 2, gpu: 0 } });
      await scene().open({ ...options, node: "two", resources: { memory: 512.5 } });
      await until("both are there", async () => (await client.nodes()).length === 2);
      expect(await client.nodes()).toMatchObject([
        { id: "one", workflows: ["echo"], labels: { zone: "a" }, draining: false },
        { id: "two", resources: { steps: 3, memory: 512.5 }, free: { steps: 3, memory: 512.5 } },
      ]);
      expect(await client.discoverNodes()).toEqual(
        new Map([
          ["one", { steps: 3, cpu: 2 }],
          ["two", { steps: 3, memory: 512.5 }],
        ]),
      );
      expect(await client.resourcesAvailable("one", { cpu: 2 })).toBe(true);
      expect(await client.resourcesAvailable("one", { cpu: 2.5 })).toBe(false);
      expect(await client.resourcesAvailable("stranger", {})).toBe(false);
      await one.registerLocalNode({ cpu: 4 });
      expect(await client.resourcesAvailable("one", { cpu: 2.5 })).toBe(true);
      await client.registerNode("one", { cpu: 8, gpu: 1 });
      expect((await client.discoverNodes()).get("one")).toEqual({ steps: 3, cpu: 8, gpu: 1 });
      expect(await client.nodes()).toHaveLength(2);
      const unknown = await refusal(client.registerNode("stranger", { cpu: 1 }));
      expect(unknown).toMatchObject({ code: "E_NODE_GONE", details: { node: "stranger" } });
      const slots = refusal(client.registerNode("one", { steps: 9 }));
      expect(await slots).toMatchObject({ code: "E_OPTION_INVALID" });
      await scene().close(one);
      await until("one is gone", async () => (await client.nodes()).length === 1);
    });
  },
  ALL_STORES,
);

onStores(
  "what a node has",
  (scene) => {
    it.each([
      ["resources", { resources: { cpu: -1 } }],
      ["resources", { resources: { "a b": 1 } }],
      ["resources", { resources: [] as unknown as Record<string, number> }],
      ["resources", { resources: { steps: 3 } }],
      ["labels", { labels: { zone: 1 } as unknown as Record<string, string> }],
    ])("is checked: %s", async (option, options) => {
      const error = await refusal(scene().open(options));
      expect(error).toMatchObject({ code: "E_OPTION_INVALID" });
      expect(String(error)).toContain(option);
    });
  },
  ["memory"],
);

onVirtualTime("a process that could hear nothing for a while", (scene, time) => {
  it("blames nobody for it", async () => {
    const gate = { deaf: false };
    const lines: string[] = [];
    const logger = { info: (text: string) => lines.push(text), warn: () => 0, error: () => 0 };
    await scene().open({ workflows: [echo], node: "other" });
    await scene().open({
      workflows: [echo],
      node: "deaf",
      logger,
      wrap: (store) => ({
        ...store,
        nodes: new Proxy(store.nodes, {
          get: (nodes, key) => {
            if (key !== "list") return Reflect.get(nodes, key).bind(nodes);
            return async () => {
              while (gate.deaf)
                await new Promise<void>((resolve) => void time().after(500, resolve));
              return nodes.list();
            };
          },
        }),
      }),
    });
    await time().pass(5_000);
    gate.deaf = true;
    await time().pass(60_000);
    gate.deaf = false;
    await time().pass(10_000);
    expect(lines).not.toContain("a node is gone");
  });
});
