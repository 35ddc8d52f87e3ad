// What the graph builder makes of a definition: the plan that runs are decided by, and the code.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { isMillraceError } from "../../src/kernel/errors.ts";
import type { StepBody } from "../../src/workflow/definition.ts";
import { graph } from "../../src/workflow/graph.ts";
import type { StepContext } from "../../src/workflow/step-context.ts";

const fn = (): number => 1;
const noContext = {} as StepContext;
const retry = { maxAttempts: 4, initialMs: 1_000, factor: 2, maxMs: 60_000, jitter: 0.5 };

const versionOf = (built: { readonly plan: { readonly version: string } }): string =>
  built.plan.version;

describe("the plan", () => {
  it("holds the steps in order, with the defaults spelled out", () => {
    const { plan } = graph<string>("w")
      .step("list", () => ["a"])
      .map("parse", { over: "list", concurrency: 3 }, fn)
      .step("merge", { needs: ["parse", "list"], when: () => true }, fn)
      .build();
    expect(plan).toEqual({
      kind: "graph",
      version: expect.stringMatching(/^[\w-]{43}$/),
      retryBudget: 1_000,
      returns: "merge",
      steps: [
        { name: "list", needs: [], policy: { retry } },
        { name: "parse", needs: ["list"], over: "list", concurrency: 3, policy: { retry } },
        { name: "merge", needs: ["parse", "list"], conditional: true, policy: { retry } },
      ],
    });
  });

  it("survives JSON, as the log keeps it", () => {
    const { plan } = graph("w")
      .step("a", { heartbeat: "2s", when: () => true }, fn)
      .build();
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  it("holds policies in milliseconds", () => {
    const policy = {
      retry: { maxAttempts: 1, initial: "250ms", factor: 3, max: "2h", jitter: 0 },
      startToClose: "40d",
      scheduleToStart: 500,
      heartbeat: "30s",
    };
    const { plan } = graph("w").step("a", policy, fn).build();
    expect(plan.steps[0]?.policy).toEqual({
      retry: { maxAttempts: 1, initialMs: 250, factor: 3, maxMs: 7_200_000, jitter: 0 },
      startToCloseMs: 3_456_000_000,
      scheduleToStartMs: 500,
      heartbeatMs: 30_000,
    });
  });

  it.each([
    [{ initial: "5m" }, { ...retry, initialMs: 300_000, maxMs: 300_000 }],
    [{ max: "100ms" }, { ...retry, initialMs: 100, maxMs: 100 }],
  ])("fits the defaults to what was said: %j", (said, meant) => {
    const { plan } = graph("w").step("a", { retry: said }, fn).build();
    expect(plan.steps[0]?.policy.retry).toEqual(meant);
  });

  it("has a version that changes with what decides a run, and with nothing else", () => {
    const made = (needs: readonly "a"[], version?: string) =>
      graph("w", version === undefined ? {} : { version })
        .step("a", () => Math.random())
        .step("b", { needs }, fn)
        .build();
    const first = versionOf(made(["a"]));
    expect(versionOf(made(["a"]))).toBe(first);
    expect(versionOf(made([]))).not.toBe(first);
    expect(versionOf(made(["a"], "2"))).not.toBe(first);
  });

  it("returns the step declared last, or the one it is told", () => {
    const two = graph("w").step("a", fn).step("b", fn);
    expect(two.build().plan.returns).toBe("b");
    expect(two.returns("a").build().plan.returns).toBe("a");
  });
});

describe("a builder", () => {
  it("is not changed by going on from it", () => {
    const start = graph("w").step("a", fn);
    const one = start.step("b", fn).build();
    const other = start.step("c", fn).build();
    expect(start.build().plan.steps.map(({ name }) => name)).toEqual(["a"]);
    expect(one.plan.steps.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(other.plan.steps.map(({ name }) => name)).toEqual(["a", "c"]);
  });

  it("keeps nothing of the objects it was given", () => {
    const needs: "a"[] = ["a"];
    const options = { needs, retry: { maxAttempts: 2 } };
    const builder = graph("w").step("a", fn).step("b", options, fn);
    const before = JSON.stringify(builder.build().plan);
    needs.push("a");
    options.retry.maxAttempts = 99;
    expect(JSON.stringify(builder.build().plan)).toBe(before);
  });

  it("reads every option once", () => {
    const reads: string[] = [];
    const counted = <T extends object>(target: T): T =>
      new Proxy(target, {
        get: (from, key, receiver) => {
          reads.push(String(key));
          return Reflect.get(from, key, receiver) as unknown;
        },
      });
    const options = counted({ when: () => true, startToClose: 5, retry: counted({ factor: 2 }) });
    graph("w").step("a", options, fn).build();
    expect(reads.sort()).toEqual(["factor", "retry", "startToClose", "when"]);
  });

  it("makes definitions that cannot be changed", () => {
    const built = graph("w")
      .step("a", fn)
      .step("b", { needs: ["a"] }, fn)
      .build();
    const [, b] = built.plan.steps;
    const parts = [built, built.plan, built.plan.steps, b, b?.needs, b?.policy, b?.policy.retry];
    for (const part of [...parts, built.bodies.get("a")]) expect(Object.isFrozen(part)).toBe(true);
  });

  it("takes names that objects have by themselves", () => {
    const built = graph("w").step("constructor", fn).step("toString", fn).build();
    expect([...built.bodies.keys()]).toEqual(["constructor", "toString"]);
  });

  it("treats undefined options as absent", () => {
    const options = { needs: undefined, when: undefined, retry: undefined } as object;
    const { plan } = graph("w").step("a", options, fn).build();
    expect(plan.steps[0]).toEqual({ name: "a", needs: [], policy: { retry } });
  });
});

describe("bodies", () => {
  it("run the user's function with its context and input", async () => {
    const output = z.number();
    const built = graph("w")
      .step("a", { output }, async (ctx, input) => (ctx === noContext && input === 4 ? 5 : 0))
      .build();
    const body = built.bodies.get("a") as StepBody | undefined;
    expect(await body?.run(noContext, 4)).toBe(5);
    expect(body?.output).toBe(output);
    expect(body?.when).toBeUndefined();
  });

  it("choose by what the step would get", () => {
    const built = graph<number>("w")
      .step("a", { when: (input) => input > 3 }, fn)
      .build();
    const { when } = built.bodies.get("a") ?? {};
    expect([when?.(3), when?.(4)]).toEqual([false, true]);
  });

  it("refuse a choice that is not made at once", () => {
    const when = (async () => false) as unknown as () => boolean;
    const built = graph("w").step("a", { when }, fn).build();
    const choose = (): unknown => built.bodies.get("a")?.when?.(1);
    expect(choose).toThrow(/must return true or false/);
    expect(choose).toThrow(expect.toSatisfy((error) => isMillraceError(error, "E_DEF_INVALID")));
  });
});

describe("schemas and labels", () => {
  it("are kept for who starts runs and records results", () => {
    const input = z.string();
    const output = z.number();
    const built = graph("w", { input, output, version: "1.2", retryBudget: 0 })
      .step("a", fn)
      .build();
    expect(built).toMatchObject({ name: "w", version: "1.2", plan: { retryBudget: 0 } });
    expect(built.input).toBe(input);
    expect(built.output).toBe(output);
  });
});
