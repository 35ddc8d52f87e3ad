// Bad definitions, each refused when it is made, with a code that programs can tell apart.
import { describe, expect, it } from "vitest";
import { isMillraceError, type MillraceError } from "../../src/kernel/errors.ts";
import { limits } from "../../src/kernel/limits.ts";
import { workflow } from "../../src/workflow/code.ts";
import { graph } from "../../src/workflow/graph.ts";

/** The builder as plain JavaScript sees it: nothing stops a wrong argument. */
interface Untyped {
  step(name: unknown, ...rest: unknown[]): Untyped;
  map(name: unknown, ...rest: unknown[]): Untyped;
  returns(name: unknown): { build(): unknown };
  build(): unknown;
}
const untyped = (name: unknown = "w", options?: unknown): Untyped =>
  graph(name as string, options as object) as unknown as Untyped;
const code = workflow as unknown as (...args: unknown[]) => unknown;
const fn = (): number => 1;
const step = (options: unknown): unknown => untyped().step("a", options, fn);
const map = (options: unknown): unknown => untyped().step("l", fn).map("a", options, fn);
const chain = (length: number): Untyped => {
  let built = untyped();
  for (let index = 0; index < length; index++) {
    built = built.step(`s${index}`, { needs: index === 0 ? [] : [`s${index - 1}`] }, fn);
  }
  return built;
};

function refusal(define: () => unknown): MillraceError {
  try {
    define();
  } catch (error) {
    if (isMillraceError(error)) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

type Case = readonly [what: string, define: () => unknown, code: string, says: RegExp];

const structure: readonly Case[] = [
  ["no step", () => untyped().build(), "E_DEF_EMPTY", /workflow w declares no step/],
  [
    "two steps that need each other",
    () =>
      untyped()
        .step("a", { needs: ["b"] }, fn)
        .step("b", { needs: ["a"] }, fn)
        .build(),
    "E_DEF_CYCLE",
    /a needs b needs a|b needs a needs b/,
  ],
  [
    "a step that needs itself",
    () =>
      untyped()
        .step("a", { needs: ["a"] }, fn)
        .build(),
    "E_DEF_CYCLE",
    /a needs a/,
  ],
  [
    "a map over itself",
    () => untyped().map("a", { over: "a" }, fn).build(),
    "E_DEF_CYCLE",
    /a needs a/,
  ],
  [
    "unknown needs: all of them, with the likely name",
    () =>
      untyped()
        .step("parse", fn)
        .step("b", { needs: ["prase", "nowhere"] }, fn)
        .build(),
    "E_DEF_UNKNOWN_STEP",
    /step b needs prase \(did you mean "parse"\?\); step b needs nowhere$/,
  ],
  [
    "a map over an unknown step",
    () => untyped().map("a", { over: "list" }, fn).build(),
    "E_DEF_UNKNOWN_STEP",
    /step a needs list/,
  ],
  [
    "an unknown step returned",
    () => untyped().step("a", fn).returns("b").build(),
    "E_DEF_UNKNOWN_STEP",
    /returns names b/,
  ],
  [
    "the same name twice",
    () => untyped().step("a", fn).step("a", fn).build(),
    "E_DEF_DUPLICATE",
    /step a twice/,
  ],
  [
    "names that differ by case",
    () => untyped().step("Load", fn).step("load", fn).build(),
    "E_DEF_DUPLICATE",
    /Load and load, which differ only by case/,
  ],
  [
    "an unknown answer to failures",
    () =>
      graph("w", { onFailure: "ignore" as "continue" })
        .step("a", fn)
        .build(),
    "E_DEF_INVALID",
    /onFailure must be "fail-fast" or "continue"/,
  ],
  [
    "no step at once",
    () => graph("w", { concurrency: 0 }).step("a", fn).build(),
    "E_DEF_INVALID",
    /concurrency is 0/,
  ],
  ["a need named twice", () => step({ needs: ["b", "b"] }), "E_DEF_DUPLICATE", /names b twice/],
  [
    "one step too many",
    () => chain(limits.stepsPerPlanMax + 1).build(),
    "E_DEF_TOO_LARGE",
    /20001 steps, the limit is 20000/,
  ],
];

const ids: readonly Case[] = [
  ["", "a.b", "*", ">", "a b", "é", "__proto__", "-a", "x".repeat(129), 7, null, ["a"]].map(
    (name): Case => [
      `step name ${JSON.stringify(name).slice(0, 20)}`,
      () => untyped().step(name, fn),
      "E_ID_INVALID",
      /step name/,
    ],
  ),
  [["workflow name", () => untyped("a b"), "E_ID_INVALID", /workflow name "a b"/] as Case],
  [["code workflow name", () => code("*", fn), "E_ID_INVALID", /workflow name/] as Case],
  [["a need", () => step({ needs: ["a*"] }), "E_ID_INVALID", /step a: need/] as Case],
  [["a list to map", () => map({ over: "a/b" }), "E_ID_INVALID", /step a: over/] as Case],
].flat();

const handlers: readonly Case[] = [
  ["no handler", () => untyped().step("a"), "E_DEF_INVALID", /handler is undefined/],
  ["text as handler", () => untyped().step("a", "fn"), "E_DEF_INVALID", /handler is "fn"/],
  ["options only", () => untyped().step("a", {}), "E_DEF_INVALID", /handler is an object/],
  [
    "a map's handler",
    () => map({ over: "l" }) && untyped().map("a", { over: "l" }),
    "E_DEF_INVALID",
    /handler is undefined/,
  ],
  ["when", () => step({ when: true }), "E_DEF_INVALID", /when is true, not a function/],
  ["a code workflow's function", () => code("w"), "E_DEF_INVALID", /its function is undefined/],
  ["a code workflow's options", () => code("w", fn, fn), "E_DEF_INVALID", /not a plain object/],
];

const throwing = new Proxy(
  {},
  {
    ownKeys: () => {
      throw new Error("no keys for you");
    },
  },
);
const getter = {
  get needs(): unknown {
    throw new Error("not now");
  },
};

const options: readonly Case[] = [
  [
    "a misspelt option",
    () => step({ retires: {} }),
    "E_DEF_INVALID",
    /"retires" \(did you mean "retry"\?\)/,
  ],
  ["another step's option", () => step({ over: "l" }), "E_DEF_INVALID", /unknown option "over"/],
  ["a map without a list", () => map({}), "E_DEF_INVALID", /needs `over`/],
  [
    "a map with needs",
    () => map({ over: "l", needs: ["l"] }),
    "E_DEF_INVALID",
    /unknown option "needs"/,
  ],
  [
    "an option called __proto__",
    () => step(JSON.parse('{"__proto__":{"needs":[]}}')),
    "E_DEF_INVALID",
    /unknown option "__proto__"/,
  ],
  [
    "an unknown retry option",
    () => step({ retry: { maxAttempt: 2 } }),
    "E_DEF_INVALID",
    /did you mean "maxAttempts"/,
  ],
  [
    "an unknown workflow option",
    () => untyped("w", { retryBuget: 1 }),
    "E_DEF_INVALID",
    /did you mean "retryBudget"/,
  ],
  ["options that are no object", () => step(5), "E_DEF_INVALID", /not a plain object/],
  ["options that are a list", () => step([]), "E_DEF_INVALID", /not a plain object/],
  ["options of a class", () => step(new Map()), "E_DEF_INVALID", /not a plain object/],
  ["a getter that throws", () => step(getter), "E_DEF_INVALID", /reading its options failed/],
  ["a proxy that throws", () => step(throwing), "E_DEF_INVALID", /reading its options failed/],
  ["needs that are no list", () => step({ needs: "b" }), "E_DEF_INVALID", /needs is not a list/],
  ["a schema that is none", () => step({ output: {} }), "E_DEF_INVALID", /output is not a schema/],
  [
    "an input schema that is none",
    () => untyped("w", { input: Number }),
    "E_DEF_INVALID",
    /input is not a schema/,
  ],
  ["an empty version", () => untyped("w", { version: "" }), "E_DEF_INVALID", /version is ""/],
  [
    "a version that is a number",
    () => untyped("w", { version: 2 }),
    "E_DEF_INVALID",
    /version is 2/,
  ],
  [
    "initial above max",
    () => step({ retry: { initial: "2m", max: "1m" } }),
    "E_DEF_INVALID",
    /initial \(120000 ms\) is above max/,
  ],
  [
    "a heartbeat longer than its attempt",
    () => step({ heartbeat: "10s", startToClose: "5s" }),
    "E_DEF_INVALID",
    /can never end/,
  ],
];

const numbers: readonly Case[] = [
  Number.NaN,
  -1,
  Number.POSITIVE_INFINITY,
  1.5,
  0,
  "3",
  null,
].flatMap((value): Case[] => [
  [
    `maxAttempts ${value}`,
    () => step({ retry: { maxAttempts: value } }),
    "E_DEF_INVALID",
    /maxAttempts/,
  ],
  [
    `concurrency ${value}`,
    () => map({ over: "l", concurrency: value }),
    "E_DEF_INVALID",
    /concurrency/,
  ],
]);
const reals: readonly Case[] = [Number.NaN, -1, Number.POSITIVE_INFINITY, "1"].flatMap(
  (value): Case[] => [
    [`factor ${value}`, () => step({ retry: { factor: value } }), "E_DEF_INVALID", /factor/],
    [`jitter ${value}`, () => step({ retry: { jitter: value } }), "E_DEF_INVALID", /jitter/],
    [
      `retryBudget ${value}`,
      () => untyped("w", { retryBudget: value }),
      "E_DEF_INVALID",
      /retryBudget/,
    ],
  ],
);
const durations: readonly Case[] = [
  ...["startToClose", "scheduleToStart", "heartbeat"].flatMap((key): Case[] => [
    ...[Number.NaN, -1, Number.POSITIVE_INFINITY, "5 parsecs", "", {}, null, 1e300].map(
      (value): Case => [
        `${key} ${String(value)}`,
        () => step({ [key]: value }),
        "E_OPTION_INVALID",
        new RegExp(key),
      ],
    ),
    [`${key} 0`, () => step({ [key]: 0 }), "E_DEF_INVALID", /leave it out for no limit/],
  ]),
  ["retry.initial", () => step({ retry: { initial: "soon" } }), "E_OPTION_INVALID", /initial/],
  ["retry.max", () => step({ retry: { max: -1 } }), "E_OPTION_INVALID", /max/],
];

const tables = { structure, ids, handlers, options, numbers, reals, durations };

describe.each(Object.entries(tables))("a definition is refused: %s", (_table, cases) => {
  it.each(cases)("%s", (_what, define, expected, says) => {
    const error = refusal(define);
    expect(error.message).toMatch(says);
    expect(error.code).toBe(expected);
    expect(JSON.parse(JSON.stringify(error.details))).toEqual(error.details);
  });
});

describe("what a refusal tells programs", () => {
  it("names the whole circle", () => {
    const error = refusal(() =>
      untyped()
        .step("out", fn)
        .step("a", { needs: ["out", "c"] }, fn)
        .step("b", { needs: ["a"] }, fn)
        .step("c", { needs: ["b"] }, fn)
        .step("after", { needs: ["c"] }, fn)
        .build(),
    );
    expect(error.details["cycle"]).toEqual(["a", "c", "b", "a"]);
  });

  it("names every unknown step once", () => {
    const error = refusal(() =>
      untyped()
        .step("a", { needs: ["x", "y"] }, fn)
        .step("b", { needs: ["x"] }, fn)
        .returns("z")
        .build(),
    );
    expect(error.details["unknown"]).toEqual(["x", "y", "z"]);
  });

  it("keeps what a getter threw as the cause", () => {
    expect(refusal(() => step(getter)).cause).toEqual(new Error("not now"));
  });
});

describe("large definitions", () => {
  it("compiles a chain as long as the limit", () => {
    expect(chain(limits.stepsPerPlanMax).build()).toMatchObject({
      plan: { steps: { length: limits.stepsPerPlanMax }, returns: "s19999" },
    });
  });

  it("finds the circle that a long chain closes", () => {
    let built = untyped();
    for (let index = 0; index < 20_000; index++) {
      built = built.step(`s${index}`, { needs: [`s${(index + 1) % 20_000}`] }, fn);
    }
    expect(refusal(() => built.build()).details["cycle"]).toHaveLength(20_001);
  });

  it("accepts a step that needs ten thousand others", () => {
    let built = untyped();
    const needs = Array.from({ length: 10_000 }, (_, index) => `s${index}`);
    for (const name of needs) built = built.step(name, fn);
    expect(built.step("all", { needs }, fn).build()).toMatchObject({ plan: { returns: "all" } });
  });

  it("names all of many unknown steps", () => {
    let built = untyped();
    for (let index = 0; index < 10_000; index++) {
      built = built.step(`s${index}`, { needs: [`t${index}`] }, fn);
    }
    expect(refusal(() => built.build()).details["unknown"]).toHaveLength(10_000);
  });
});
