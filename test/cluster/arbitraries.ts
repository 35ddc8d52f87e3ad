// Random nodes and requests, small enough that they often just fit or just do not.
import fc from "fast-check";
import type { ClusterView, NodeView, StepRequest } from "../../src/cluster/allocator.ts";
import type { Resources } from "../../src/cluster/resources.ts";

const NAMES = ["cpu", "memory", "gpu"];
const NODES = ["n1", "n2", "n3", "n4"];

/** Amounts in tenths: sums of these drift when they are added as floating point numbers. */
const amount = fc.integer({ min: 0, max: 40 }).map((tenths) => tenths / 10);

export const resources: fc.Arbitrary<Resources> = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...NAMES), amount), { selector: ([name]) => name })
  .map((entries) => Object.fromEntries(entries));

const labels = fc.constantFrom<Readonly<Record<string, string>>>({}, { zone: "a" }, { zone: "b" });

/** A node with something taken of what it has. */
const node = (id: string): fc.Arbitrary<NodeView> =>
  fc
    .record({
      id: fc.constant(id),
      resources,
      share: fc.constantFrom(0, 0.5, 1),
      labels,
      draining: fc.boolean(),
      workflows: fc.constantFrom<readonly string[]>(["w"], ["w", "v"], []),
    })
    .map(({ share, ...rest }) => ({
      ...rest,
      free: Object.fromEntries(
        Object.entries(rest.resources).map(([name, has]) => [
          name,
          Math.round(has * share * 10) / 10,
        ]),
      ),
    }));

export const view: fc.Arbitrary<ClusterView> = fc.subarray(NODES).chain((ids) =>
  fc.record({
    self: fc.constantFrom(...NODES),
    nodes: fc.tuple(...ids.map(node)),
    recent: fc.shuffledSubarray(NODES),
    placed: fc.constantFrom(new Map<string, string>(), new Map([["a", "n1"]])),
  }),
);

const maybe = <T>(key: string, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<object> =>
  fc
    .option(arbitrary, { nil: undefined })
    .map((value) => (value === undefined ? {} : { [key]: value }));

export const request: fc.Arbitrary<StepRequest> = fc
  .tuple(
    fc.record({
      step: fc.constant("b"),
      resources,
      inputs: fc.array(fc.record({ bytes: fc.nat(100), nodes: fc.subarray(NODES) }), {
        maxLength: 3,
      }),
    }),
    maybe("pin", fc.constantFrom(...NODES)),
    maybe("workflow", fc.constantFrom("w", "v")),
    maybe("labels", labels),
    maybe("collocateWith", fc.constant("a")),
    maybe("spread", fc.dictionary(fc.constantFrom(...NODES), fc.nat(3))),
  )
  .map((parts) => Object.assign({}, ...parts) as StepRequest);
