/** The contract of `NodeRegistry`: who is there, as they say, and as others find out. */
import assert from "node:assert/strict";
import { limits } from "../../kernel/limits.ts";
import type { NodeInfo, NodeListener, NodeRegistry } from "../../ports/node-registry.ts";
import type { CaseContext, ContractCase } from "./contract.ts";
import { refuses } from "./event-log-contract-kit.ts";

const info = (id: string, changes: Partial<NodeInfo> = {}): NodeInfo => ({
  id,
  startedAt: 1_700_000_000_000,
  saidAt: 1_700_000_000_001,
  workflows: ["flow", "other"],
  resources: { cpu: 4, memory: 8_192, "gpu.a100": 0.5 },
  free: { cpu: 3, memory: 1_024, "gpu.a100": 0 },
  labels: { zone: "west", note: "ä, \"quoted\" and 'so'" },
  draining: false,
  ...changes,
});

const byId = (left: NodeInfo, right: NodeInfo): number => (left.id < right.id ? -1 : 1);

/** Waits until exactly these nodes are listed, with exactly what they announced. */
async function lists(
  context: CaseContext,
  nodes: NodeRegistry,
  expected: readonly NodeInfo[],
): Promise<void> {
  const ids = expected.map((one) => one.id).sort();
  let listed: readonly NodeInfo[] = [];
  await context.eventually(`the nodes listed are ${ids.join() || "none"}`, async () => {
    listed = [...(await nodes.list())].sort(byId);
    return ids.join() === listed.map((one) => one.id).join();
  });
  assert.deepEqual(listed, [...expected].sort(byId));
}

const listing: readonly ContractCase[] = [
  {
    name: "nobody is listed before anybody is announced",
    async run(context) {
      const { nodes } = await context.open("node-1");
      assert.deepEqual(await nodes.list(), []);
    },
  },
  {
    name: "an announced node is listed with all it said",
    async run(context) {
      const { nodes } = await context.open("node-1");
      await nodes.announce(info("node-1"));
      await lists(context, nodes, [info("node-1")]);
    },
  },
  {
    name: "announcing again replaces what was said",
    async run(context) {
      const { nodes } = await context.open("node-1");
      await nodes.announce(info("node-1"));
      await lists(context, nodes, [info("node-1")]);
      const changed = info("node-1", { draining: true, free: {}, workflows: [], labels: {} });
      await nodes.announce(changed);
      await context.eventually(
        "the change is listed",
        async () => (await nodes.list())[0]?.draining === true,
      );
      await lists(context, nodes, [changed]);
    },
  },
  {
    name: "withdraw takes a node off the list; withdrawing a stranger is harmless",
    async run(context) {
      const { nodes } = await context.open("node-1");
      await nodes.announce(info("node-1"));
      await nodes.withdraw("stranger");
      await lists(context, nodes, [info("node-1")]);
      await nodes.withdraw("node-1");
      assert.deepEqual(await nodes.list(), []);
      await nodes.announce(info("node-1"));
      await lists(context, nodes, [info("node-1")]);
    },
  },
  {
    name: "every process lists the nodes of all",
    requires: ["shared"],
    async run(context) {
      const { nodes } = await context.open("node-1");
      const { nodes: other } = await context.peer("node-2");
      const both = [info("node-1"), info("node-2", { workflows: ["third"] })] as const;
      await nodes.announce(both[0]);
      await other.announce(both[1]);
      await lists(context, nodes, both);
      await lists(context, other, both);
      await other.withdraw("node-2");
      await lists(context, nodes, [both[0]]);
    },
  },
  {
    name: "a node that closes is off the list of the others at once",
    requires: ["shared"],
    async run(context) {
      const { nodes } = await context.open("node-1");
      const other = await context.peer("node-2");
      await other.nodes.announce(info("node-2"));
      await lists(context, nodes, [info("node-2")]);
      await other.close();
      await lists(context, nodes, []);
    },
  },
  {
    name: "a node not renewed is off the list after `nodeGoneMs`, a renewed one stays",
    requires: ["shared"],
    async run(context) {
      const { nodes } = await context.open("node-1");
      const { nodes: other } = await context.peer("node-2");
      await other.announce(info("node-2"));
      await nodes.announce(info("node-1"));
      await lists(context, nodes, [info("node-1"), info("node-2")]);
      const beats = Math.ceil(limits.nodeGoneMs / limits.heartbeatMs) + 1;
      for (let beat = 0; beat < beats; beat += 1) {
        await context.sleep(limits.heartbeatMs);
        await nodes.announce(info("node-1"));
      }
      await lists(context, other, [info("node-1")]);
      assert.equal(await nodes.alive("node-2"), true, "silent is not dead");
      await other.announce(info("node-2"));
      await lists(context, nodes, [info("node-1"), info("node-2")]);
    },
  },
];

const living: readonly ContractCase[] = [
  {
    name: "a process is alive for itself and for others, announced or not",
    requires: ["shared"],
    async run(context) {
      const { nodes } = await context.open("node-1");
      const { nodes: other } = await context.peer("node-2");
      for (const registry of [nodes, other])
        for (const id of ["node-1", "node-2"]) assert.equal(await registry.alive(id), true, id);
    },
  },
  {
    name: "a node that withdrew is still alive",
    requires: ["shared"],
    async run(context) {
      const { nodes } = await context.open("node-1");
      const { nodes: other } = await context.peer("node-2");
      await other.announce(info("node-2"));
      await other.withdraw("node-2");
      assert.equal(await nodes.alive("node-2"), true);
    },
  },
  {
    name: "a process that closed is not alive, and is again once it is opened",
    requires: ["shared"],
    async run(context) {
      const { nodes } = await context.open("node-1");
      const other = await context.peer("node-2");
      await other.nodes.announce(info("node-2"));
      await other.close();
      await context.eventually("node-2 is gone", async () => !(await nodes.alive("node-2")));
      await context.peer("node-2");
      await context.eventually("node-2 is back", () => nodes.alive("node-2"));
    },
  },
  {
    name: "a node that never was is not alive",
    async run(context) {
      const { nodes } = await context.open("node-1");
      await context.eventually("the stranger is not", async () => !(await nodes.alive("stranger")));
    },
  },
];

/** A listener that keeps what it is told: ids of nodes with their `saidAt`, or with "left". */
function listening(): { readonly heard: string[]; readonly listener: NodeListener } {
  const heard: string[] = [];
  return {
    heard,
    listener: {
      said: ({ id, saidAt }) => void heard.push(`${id} ${saidAt}`),
      left: (id) => void heard.push(`${id} left`),
    },
  };
}

const watching: readonly ContractCase[] = [
  {
    name: "a watcher hears what every process announces and withdraws, and all that was said",
    requires: ["shared"],
    async run(context) {
      const { nodes } = await context.open("node-1");
      const { nodes: other } = await context.peer("node-2");
      const { heard, listener } = listening();
      const said: NodeInfo[] = [];
      await nodes.watch(listener);
      await nodes.watch({ said: (one) => void said.push(one), left: () => undefined });
      const hears = (what: string): Promise<void> =>
        context.eventually(`it hears ${what}`, () => heard.at(-1) === what);
      await other.announce(info("node-2", { saidAt: 1 }));
      await hears("node-2 1");
      assert.deepEqual(said, [info("node-2", { saidAt: 1 })]);
      await other.announce(info("node-2", { saidAt: 2 }));
      await hears("node-2 2");
      await other.withdraw("node-2");
      await hears("node-2 left");
      await nodes.announce(info("node-1", { saidAt: 3 }));
      await hears("node-1 3");
    },
  },
  {
    name: "a watcher hears that a node closed",
    requires: ["shared"],
    async run(context) {
      const { nodes } = await context.open("node-1");
      const other = await context.peer("node-2");
      const { heard, listener } = listening();
      await nodes.watch(listener);
      await other.nodes.announce(info("node-2"));
      await context.eventually("it hears the node", () => heard.length === 1);
      await other.close();
      await context.eventually("it hears that it left", () => heard.includes("node-2 left"));
    },
  },
  {
    name: "a watcher that was stopped hears nothing more, another one does",
    async run(context) {
      const { nodes } = await context.open("node-1");
      const [first, second] = [listening(), listening()];
      const stop = await nodes.watch(first.listener);
      await nodes.watch(second.listener);
      stop();
      stop();
      await nodes.announce(info("node-1"));
      await context.eventually("the other hears it", () => second.heard.length === 1);
      assert.deepEqual(first.heard, []);
    },
  },
];

const lifetime: readonly ContractCase[] = [
  {
    name: "after reopening the list fills again",
    requires: ["durable"],
    async run(context) {
      const store = await context.open("node-1");
      await store.nodes.announce(info("node-1"));
      const { nodes } = await context.reopen(store);
      assert.deepEqual(await nodes.list(), [], "close withdraws what was announced");
      await nodes.announce(info("node-1", { startedAt: 2 }));
      await lists(context, nodes, [info("node-1", { startedAt: 2 })]);
    },
  },
  {
    name: "after close every call rejects with E_STORE_CLOSED",
    async run(context) {
      const { nodes } = await context.open("node-1");
      await nodes.announce(info("node-1"));
      await nodes.close();
      await refuses("E_STORE_CLOSED", nodes.announce(info("node-1")));
      await refuses("E_STORE_CLOSED", nodes.withdraw("node-1"));
      await refuses("E_STORE_CLOSED", nodes.list());
      await refuses("E_STORE_CLOSED", nodes.alive("node-1"));
      await refuses("E_STORE_CLOSED", nodes.watch(listening().listener));
    },
  },
];

/** All cases about nodes. */
export const nodeRegistryContract: readonly ContractCase[] = [
  ...listing,
  ...living,
  ...watching,
  ...lifetime,
];
