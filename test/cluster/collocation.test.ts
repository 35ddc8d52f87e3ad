// Steps that run on one node: chains merge into one group, whose root is named when something is wrong.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Collocated, collocationGroups } from "../../src/cluster/collocation.ts";
import { isMillraceError } from "../../src/kernel/errors.ts";

const groups = (steps: readonly Collocated[]) => collocationGroups("workflow w", steps);

function refusal(steps: readonly Collocated[]): {
  readonly code: string;
  readonly message: string;
} {
  try {
    groups(steps);
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    return { code: error.code, message: error.message };
  }
  return expect.unreachable("was taken");
}

describe("collocation", () => {
  it("Handoff 14: a chain is one group of its root, costs added up", () => {
    const found = groups([
      { name: "c", with: "b", resources: { cpu: 0.1, gpu: 1 } },
      { name: "b", with: "a", resources: { cpu: 0.2 } },
      { name: "alone", resources: { cpu: 9 } },
      { name: "a", resources: { cpu: 0.3 }, pin: "n1" },
    ]);
    const group = { root: "a", members: ["a", "c", "b"], room: { cpu: 0.6, gpu: 1 }, pin: "n1" };
    expect(found).toEqual(new Map(["a", "b", "c"].map((name) => [name, group])));
  });

  it("refuses what says nothing about where", () => {
    expect(refusal([{ name: "a", with: "a" }])).toMatchObject({ code: "E_DEF_CYCLE" });
    const round = [
      { name: "z", with: "a" },
      { name: "a", with: "b" },
      { name: "b", with: "c" },
      { name: "c", with: "a" },
    ];
    expect(refusal(round).message).toContain("a with b with c with a");
    expect(refusal([{ name: "a", with: "x" }]).code).toBe("E_DEF_UNKNOWN_STEP");
    const torn = [
      { name: "a", pin: "n1" },
      { name: "b", with: "a", pin: "n2" },
    ];
    expect(refusal(torn).message).toContain("run with a are tied to nodes n1 and n2");
  });

  it("puts everything that hangs together into one group, however it is declared", () => {
    const forest = fc.integer({ min: 2, max: 30 }).chain((size) =>
      fc.record({
        targets: fc.tuple(
          ...Array.from({ length: size }, (_, at) => fc.integer({ min: 0, max: at })),
        ),
        order: fc.shuffledSubarray(
          Array.from({ length: size }, (_, at) => at),
          { minLength: size },
        ),
      }),
    );
    fc.assert(
      fc.property(forest, ({ targets, order }) => {
        const rootOf = (at: number): number =>
          targets[at] === at ? at : rootOf(targets[at] ?? at);
        const steps = order.map((at) => ({
          name: `s${at}`,
          resources: { cpu: 1 },
          ...(targets[at] === at ? {} : { with: `s${targets[at]}` }),
        }));
        const found = groups(steps);
        for (const at of order) {
          const mates = order.filter((other) => rootOf(other) === rootOf(at));
          const group = found.get(`s${at}`);
          if (mates.length === 1) expect(group).toBeUndefined();
          else {
            expect(group?.root).toBe(`s${rootOf(at)}`);
            expect([...(group?.members ?? [])].sort()).toEqual(mates.map((m) => `s${m}`).sort());
            expect(group?.room).toEqual({ cpu: mates.length });
          }
        }
      }),
    );
  });
});
