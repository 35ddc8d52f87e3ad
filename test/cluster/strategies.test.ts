// Every strategy keeps to what fits; each then has its own idea of what is best.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type {
  Allocator,
  ClusterView,
  NodeView,
  Placement,
  StepRequest,
} from "../../src/cluster/allocator.ts";
import { fits, type Resources, shortage, subtract } from "../../src/cluster/resources.ts";
import { firstAvailable } from "../../src/cluster/strategies/first-available.ts";
import { loadBalanced, loadOf } from "../../src/cluster/strategies/load-balanced.ts";
import { bytesToMove, localityAware } from "../../src/cluster/strategies/locality-aware.ts";
import { request as anyRequest, view as anyView } from "./arbitraries.ts";

const strategies: readonly Allocator[] = [firstAvailable, loadBalanced, localityAware];

const node = (id: string, resources: Resources, more: Partial<NodeView> = {}): NodeView => ({
  id,
  resources,
  free: resources,
  labels: {},
  draining: false,
  workflows: ["w"],
  ...more,
});

const viewOf = (nodes: readonly NodeView[], more: Partial<ClusterView> = {}): ClusterView => ({
  self: "n1",
  nodes,
  recent: [],
  placed: new Map(),
  ...more,
});

const step = (resources: Resources, more: Partial<StepRequest> = {}): StepRequest => ({
  step: "s",
  resources,
  inputs: [],
  ...more,
});

const nodeOf = (placement: Placement): string => ("node" in placement ? placement.node : "none");

/** Places one step after the other, each holding what it takes; what the engine does. */
function placeAll(
  allocator: Allocator,
  first: ClusterView,
  requests: readonly StepRequest[],
): { readonly placements: readonly Placement[]; readonly last: ClusterView } {
  const placements: Placement[] = [];
  let view = first;
  for (const [index, request] of requests.entries()) {
    const placement = allocator.place(request, view);
    placements.push(placement);
    if (!("node" in placement)) continue;
    const { node: chosen } = placement;
    view = {
      ...view,
      recent: [chosen, ...view.recent.filter((id) => id !== chosen)],
      placed: new Map([...view.placed, [`s${index}`, chosen]]),
      nodes: view.nodes.map((one) =>
        one.id === chosen ? { ...one, free: subtract(one.free, request.resources) } : one,
      ),
    };
  }
  return { placements, last: view };
}

for (const strategy of strategies) {
  describe(`${strategy.name}, as every strategy,`, () => {
    it("never goes over a capacity, whatever is placed", () => {
      fc.assert(
        fc.property(anyView, fc.array(anyRequest, { maxLength: 12 }), (view, requests) => {
          // Taking more than there is would throw.
          const { last } = placeAll(strategy, view, requests);
          for (const { free } of last.nodes)
            for (const amount of Object.values(free)) expect(amount).toBeGreaterThanOrEqual(0);
        }),
      );
    });

    it("refuses nothing that fits, and nothing for ever that could", () => {
      fc.assert(
        fc.property(anyView, anyRequest, (view, request) => {
          const placement = strategy.place(request, view);
          const able = view.nodes.filter(
            ({ id, labels, workflows }) =>
              (request.pin ?? id) === id &&
              (request.workflow === undefined || workflows.includes(request.workflow)) &&
              Object.entries(request.labels ?? {}).every(([name, value]) => labels[name] === value),
          );
          const now = able.filter(
            ({ free, draining }) => !draining && fits(request.resources, free),
          );
          const ever = able.filter(({ resources }) => fits(request.resources, resources));
          if ("node" in placement) expect(now.map(({ id }) => id)).toContain(placement.node);
          else if ("never" in placement) {
            expect(able.length > 0 && ever.length === 0).toBe(true);
            expect(
              able.map(({ resources }) => shortage(request.resources, resources)),
            ).toContainEqual(placement.shortage);
          } else if (placement.wait === "node") expect(now).toEqual([]);
          else expect(request.collocateWith === undefined ? now : []).toEqual([]);
        }),
      );
    });

    it("answers the same when it is asked again, in whatever order it is told of the nodes", () => {
      const shuffled = anyView.chain((view) =>
        fc.tuple(
          fc.constant(view),
          fc.shuffledSubarray([...view.nodes], { minLength: view.nodes.length }),
        ),
      );
      fc.assert(
        fc.property(shuffled, fc.array(anyRequest, { maxLength: 6 }), ([view, nodes], requests) => {
          const { placements } = placeAll(strategy, view, requests);
          expect(placeAll(strategy, { ...view, nodes }, requests).placements).toEqual(placements);
        }),
      );
    });

    it("says for what it waits", () => {
      const full = node("n1", { cpu: 2 }, { free: {} });
      expect(strategy.place(step({ cpu: 1 }), viewOf([full]))).toEqual({
        wait: "room",
        reason: "cpu 1 is not free on node n1",
      });
      expect(
        strategy.place(step({}, { pin: "n9", labels: { gpu: "a100" } }), viewOf([full])),
      ).toEqual({
        wait: "node",
        reason: "there is no node named n9 and with gpu=a100",
      });
      const leaving = node("n1", { cpu: 2 }, { draining: true });
      expect(strategy.place(step({ cpu: 1 }), viewOf([leaving]))).toEqual({
        wait: "node",
        reason: "node n1 takes nothing new",
      });
    });

    it("names the node that comes nearest when a step fits nowhere", () => {
      const nodes = [
        node("n1", { cpu: 8 }),
        node("n2", { cpu: 2, gpu: 1 }),
        node("n3", { cpu: 3, gpu: 1 }),
      ];
      expect(strategy.place(step({ cpu: 4, gpu: 1 }), viewOf(nodes))).toEqual({
        never: "step s needs cpu 4, gpu 1; the nearest, node n3, lacks cpu 1",
        shortage: { cpu: 1 },
      });
    });

    it("keeps room for a whole group, and keeps the group together", () => {
      const nodes = [node("n1", { cpu: 2 }), node("n2", { cpu: 4 })];
      const root = step({ cpu: 1 }, { room: { cpu: 3 } });
      expect(nodeOf(strategy.place(root, viewOf(nodes)))).toBe("n2");
      const view = viewOf(nodes, { placed: new Map([["s", "n2"]]) });
      expect(strategy.place(step({ cpu: 1 }, { collocateWith: "s" }), view)).toEqual({
        node: "n2",
        reason: "where s ran",
      });
      const gone = viewOf([node("n1", { cpu: 2 })], { placed: new Map([["s", "n2"]]) });
      expect(nodeOf(strategy.place(step({ cpu: 1 }, { collocateWith: "s" }), gone))).toBe("n1");
    });

    it("spreads steps of a kind before anything else", () => {
      const nodes = ["n1", "n2", "n3"].map((id) => node(id, { cpu: 4 }));
      const spread = { n1: 1, n3: 1 };
      expect(nodeOf(strategy.place(step({ cpu: 1 }, { spread }), viewOf(nodes)))).toBe("n2");
    });
  });
}

describe("first-available", () => {
  it("Handoff §1.4: the host first, then by name; who is chosen comes first from then on", () => {
    const nodes = [node("n3", { cpu: 2 }), node("n2", { cpu: 1 }), node("n1", { cpu: 3 })];
    const view = viewOf(nodes, { self: "n3" });
    const requests = [{ cpu: 1 }, { cpu: 2 }, { cpu: 1 }, { cpu: 1 }, {}].map((cost) => step(cost));
    const { placements } = placeAll(firstAvailable, view, requests);
    // n3 has room; the second fits n1 only; the third stays there; then n1 is full.
    expect(placements.map(nodeOf)).toEqual(["n3", "n1", "n1", "n3", "n3"]);
  });

  it("a step that fits nowhere does not go to the first node, as it did there", () => {
    const placement = firstAvailable.place(step({ gpu: 1 }), viewOf([node("n1", { cpu: 1 })]));
    expect(placement).toMatchObject({ shortage: { gpu: 1 } });
  });
});

describe("load-balanced", () => {
  it("Handoff 15: four steps of cost 1 go to two nodes of 2 evenly, the fifth waits", () => {
    const view = viewOf([node("n1", { cpu: 2 }), node("n2", { cpu: 2 })]);
    const { placements } = placeAll(loadBalanced, view, Array(5).fill(step({ cpu: 1 })));
    expect(placements.map(nodeOf)).toEqual(["n1", "n2", "n1", "n2", "none"]);
    expect(placements[4]).toMatchObject({ wait: "room" });
  });

  it("the load of a node is the largest share taken of anything that it has", () => {
    const one = node("n1", { cpu: 4, memory: 100 }, { free: { cpu: 3, memory: 25 } });
    expect(loadOf(one)).toBe(0.75);
    expect(loadOf(one, { cpu: 3 })).toBe(1);
  });
});

describe("locality-aware", () => {
  it("moves as few bytes as possible; of equals the least loaded", () => {
    const inputs = [
      { bytes: 100, nodes: ["n1"] },
      { bytes: 70, nodes: ["n2", "n3"] },
      { bytes: 60, nodes: ["n2", "n3"] },
    ];
    expect(bytesToMove("n1", inputs)).toBe(130);
    const nodes = [
      node("n1", { cpu: 8 }),
      node("n2", { cpu: 4 }, { free: { cpu: 2 } }),
      node("n3", { cpu: 4 }),
    ];
    expect(localityAware.place(step({ cpu: 1 }, { inputs }), viewOf(nodes))).toEqual({
      node: "n3",
      reason: "the fewest bytes to move: 100",
    });
  });
});
