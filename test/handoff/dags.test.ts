// DAGs as they are declared: what is refused before anything runs, and what they are compiled to.
import { describe, expect, it } from "vitest";
import { type Dag, dag, type FunctionNode, isMillraceError, open } from "../../src/index.ts";
import { silentLogger } from "../../src/kernel/logger.ts";

const one = (): number => 1;

function refusal(act: () => unknown): { readonly code: string; readonly message: string } {
  try {
    act();
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    return { code: error.code, message: error.message };
  }
  return expect.unreachable("was taken");
}

/** Functions that do nothing, each with its arguments. */
const shape = (edges: Readonly<Record<string, readonly string[]>>): Dag =>
  dag("shape").add(...Object.entries(edges).map(([id, args]) => ({ id, args, code: one })));

describe("a DAG", () => {
  it("is right without functions, and when it is executed nothing happens", async () => {
    expect(dag("empty").validate().functions).toEqual([]);
    await using millrace = await open({ store: "memory", logger: silentLogger });
    const answer = await millrace.execute(dag());
    expect(answer).toMatchObject({ results: {}, allocations: {}, failures: {} });
    expect(await millrace.list()).toEqual([]);
    const inline = dag().add({ id: "m", code: one, type: "inline" });
    expect((await millrace.executeLocal(inline)).results).toEqual({});
  });

  it("is not changed by adding to it", () => {
    const first = dag("d").add({ id: "a", code: one });
    first.add({ id: "b", args: ["nowhere"], code: one });
    expect(first.validate().functions.map(({ id }) => id)).toEqual(["a"]);
  });

  it("Handoff 4: a function that is not there is refused, all of them with what was meant", () => {
    const wrong = shape({ parse: [], merge: ["prase", "parse"], end: ["nowhere"] });
    expect(refusal(() => wrong.validate())).toEqual({
      code: "E_DEF_UNKNOWN_STEP",
      message:
        'dag shape names functions that it does not declare: function merge needs prase (did you mean "parse"?); function end needs nowhere',
    });
    const lonely = dag("d").add({ id: "a", code: one, node: { collocated: "x" } });
    expect(refusal(() => lonely.validate()).message).toContain("function a needs x");
  });

  it("Handoff 5: a circle is refused with its whole path, also one of a single function", () => {
    const circle = shape({ start: [], c: ["b"], a: ["start", "c"], b: ["a"], end: ["c"] });
    const { code, message } = refusal(() => circle.validate());
    expect(code).toBe("E_DEF_CYCLE");
    const path = message.slice(message.indexOf(": ") + 2).split(" needs ");
    expect(path).toHaveLength(4);
    expect(new Set(path)).toEqual(new Set(["a", "b", "c"]));
    expect(refusal(() => shape({ a: ["a"] }).validate()).message).toContain("a needs a");
    const throughInline = dag("d").add(
      { id: "m", args: ["a"], code: one, type: "inline" },
      { id: "a", args: ["m"], code: one },
    );
    expect(refusal(() => throughInline.validate()).code).toBe("E_DEF_CYCLE");
  });

  it.each<[string, Partial<FunctionNode>, string]>([
    ["a node", { node: "n1" }, "inline function m has a node"],
    ["a place beside another", { node: { collocated: "a" } }, "inline function m has a node"],
    ["a cost", { cost: { cpu: 1 } }, "inline function m has a cost"],
    ["retries of its own", { maxRetries: 1 }, "inline function m has a maxRetries"],
  ])("Handoff 6: an inline function cannot have %s", (_what, more, message) => {
    const wrong = dag("d").add(
      { id: "a", code: one },
      { id: "m", code: one, type: "inline", ...more },
    );
    const refused = refusal(() => wrong.validate());
    expect(refused.code).toBe("E_DEF_INVALID");
    expect(refused.message).toContain(message);
  });

  it.each<[string, unknown, string, RegExp]>([
    ["no object", null, "E_DEF_INVALID", /not a plain object/],
    ["no id", { code: one }, "E_ID_INVALID", /function id/],
    ["an id that is no name", { id: "a.b", code: one }, "E_ID_INVALID", /"a\.b"/],
    ["no code", { id: "a" }, "E_DEF_INVALID", /function a: code is undefined/],
    ["unknown options", { id: "a", code: one, costs: {} }, "E_DEF_INVALID", /did you mean "cost"/],
    [
      "arguments that are no list",
      { id: "a", code: one, args: "b" },
      "E_DEF_INVALID",
      /args is not a list/,
    ],
    [
      "a type of its own",
      { id: "a", code: one, type: "remote" },
      "E_DEF_INVALID",
      /"regular" or "inline"/,
    ],
    [
      "half a retry",
      { id: "a", code: one, maxRetries: 0.5 },
      "E_DEF_INVALID",
      /maxRetries is 0\.5/,
    ],
    ["a negative cost", { id: "a", code: one, cost: { cpu: -1 } }, "E_OPTION_INVALID", /cpu is -1/],
    [
      "a converter that is none",
      { id: "a", code: one, args: [{ id: "b", serialize: 1 }] },
      "E_DEF_INVALID",
      /serialize of b is 1/,
    ],
  ])("refuses a function with %s", (_what, fn, code, message) => {
    const refused = refusal(() => dag("d").add(fn as FunctionNode));
    expect(refused.code).toBe(code);
    expect(refused.message).toMatch(message);
  });

  it("refuses two functions of one name, and steps that would have the name of a conversion", () => {
    const twice = dag("d").add({ id: "a", code: one }, { id: "A", code: one });
    expect(refusal(() => twice.validate()).code).toBe("E_DEF_DUPLICATE");
    const taken = dag("d").add(
      { id: "a", code: one },
      { id: "serialize-a-b", code: one },
      { id: "b", args: [{ id: "a", serialize: one }], code: one },
    );
    expect(refusal(() => taken.workflow).code).toBe("E_DEF_DUPLICATE");
  });

  it("refuses places that contradict each other", () => {
    const torn = dag("d").add(
      { id: "a", code: one, node: "n1" },
      { id: "b", code: one, node: { collocated: "c" } },
      { id: "c", code: one, node: { collocated: "b" } },
    );
    expect(refusal(() => torn.validate()).code).toBe("E_DEF_CYCLE");
    const beside = dag("d").add(
      { id: "m", code: one, type: "inline" },
      { id: "a", args: ["m"], code: one, node: { collocated: "m" } },
    );
    expect(refusal(() => beside.validate()).message).toContain("run with m, which is inline");
  });

  it("says in its plan where functions run, what they cost, and where values are converted", () => {
    const { plan } = dag("placed").add(
      { id: "a", code: one, node: "n1", cost: { gpu: 1 } },
      { id: "b", args: [{ id: "a", serialize: one }], code: one, cost: { cpu: 2 } },
      { id: "c", args: ["b"], code: one, node: { collocated: "b" } },
    ).workflow;
    const places = plan.steps.map(({ name, needs, policy }) => [name, needs, policy.place]);
    expect(places).toEqual([
      ["a", [], { node: "n1", resources: { gpu: 1 } }],
      ["serialize-a-b", ["a"], { collocateWith: "a" }],
      ["deserialize-a-b", ["serialize-a-b"], { collocateWith: "b" }],
      ["b", ["deserialize-a-b"], { resources: { cpu: 2 } }],
      ["c", ["b"], { collocateWith: "b" }],
    ]);
    expect(plan).toMatchObject({ strategy: "first-available", returns: "c" });
  });

  it("has the same workflow wherever it is made, unless it has no id", () => {
    const made = (): Dag => shape({ a: [], b: ["a"] });
    expect(made().workflow.plan.version).toBe(made().workflow.plan.version);
    expect(dag("d", { version: "2" }).add({ id: "a", code: one }).workflow.plan.version).not.toBe(
      dag("d", { version: "1" }).add({ id: "a", code: one }).workflow.plan.version,
    );
    expect(refusal(() => dag().add({ id: "a", code: one }).workflow).message).toContain(
      "need an id",
    );
  });
});
