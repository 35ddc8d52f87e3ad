// The types that users see: checked by the compiler, so the bodies hold no assertions of their own.
import { describe, expectTypeOf, it } from "vitest";
import { z } from "zod";
import type { Result } from "../../src/kernel/result.ts";
import { workflow } from "../../src/workflow/code.ts";
import type { CodeWorkflow, GraphWorkflow, Workflow } from "../../src/workflow/definition.ts";
import { graph } from "../../src/workflow/graph.ts";
import type { GraphBuilder } from "../../src/workflow/graph-builder.ts";
import type { StepContext } from "../../src/workflow/step-context.ts";

/** Stands for the client: what it can infer from a workflow. */
declare function start<I, O>(workflow: Workflow<I, O>, input: I): Promise<O>;
/** Never called: only its types matter. */
const unrun = (_: () => unknown): void => undefined;

describe("graph", () => {
  it("types a step without needs by the run's input", () => {
    graph<{ dir: string }>("g").step("a", (ctx, input) => {
      expectTypeOf(ctx).toEqualTypeOf<StepContext>();
      expectTypeOf(input).toEqualTypeOf<{ dir: string }>();
      return 1;
    });
  });

  it("types a step with needs by their results", () => {
    graph<string>("g")
      .step("count", () => Promise.resolve(1))
      .step("names", () => ["x"])
      .step("both", { needs: ["count", "names"] }, (_ctx, input) => {
        expectTypeOf(input).toEqualTypeOf<{ readonly count: number; readonly names: string[] }>();
      })
      .step("last", { needs: ["both"], retry: { maxAttempts: 2 } }, (_ctx, { both }) => {
        expectTypeOf(both).toEqualTypeOf<null>();
      });
  });

  it("types what a conditional step may leave out", () => {
    const built = graph<number>("g")
      .step("maybe", { when: (input) => input > 3 }, (_ctx, input) => input)
      .step(
        "after",
        { needs: ["maybe"], when: ({ maybe }) => maybe === undefined },
        (_c, input) => {
          expectTypeOf(input).toEqualTypeOf<{ readonly maybe: number | undefined }>();
          return "x";
        },
      )
      .build();
    expectTypeOf(built).toEqualTypeOf<GraphWorkflow<number, string | null>>();
  });

  it("types the items and the result of a map", () => {
    const built = graph<string>("g")
      .step("files", () => [{ path: "a", bytes: 1 }])
      .map("parse", { over: "files", concurrency: 2 }, (_ctx, file) => {
        expectTypeOf(file).toEqualTypeOf<{ path: string; bytes: number }>();
        return file.bytes;
      })
      .build();
    expectTypeOf(built).toEqualTypeOf<GraphWorkflow<string, number[]>>();
  });

  it("lets a map run over a step that may be skipped", () => {
    graph<number>("g")
      .step("list", { when: (input) => input > 1 }, () => ["x"])
      .map("each", { over: "list" }, (_ctx, item) => {
        expectTypeOf(item).toEqualTypeOf<string>();
      });
  });

  it("gives the result of the step declared last, or of returns", () => {
    const two = graph<string>("g")
      .step("a", () => 1)
      .step("b", () => "x");
    expectTypeOf(two.build()).toEqualTypeOf<GraphWorkflow<string, string>>();
    expectTypeOf(two.returns("a").build()).toEqualTypeOf<GraphWorkflow<string, number>>();
  });

  it("takes input and output types from schemas", () => {
    const built = graph("g", {
      input: z.object({ n: z.string().transform(Number) }),
      output: z.object({ sum: z.number() }).transform(({ sum }) => String(sum)),
    })
      .step("a", (_ctx, input) => {
        expectTypeOf(input).toEqualTypeOf<{ n: number }>();
        return { sum: input.n };
      })
      .build();
    expectTypeOf(built).toEqualTypeOf<GraphWorkflow<{ n: string }, string>>();
  });

  it("takes a step's result type from its schema", () => {
    const output = z.object({ at: z.string().default("now") });
    const built = graph("g")
      .step("a", { output }, () => ({}))
      .build();
    expectTypeOf(built).toEqualTypeOf<GraphWorkflow<unknown, { at: string }>>();
  });

  it("refuses what cannot be meant", () => {
    unrun(() => {
      const built = graph<string>("g")
        .step("a", () => 1)
        .step("b", () => ["x"]);
      // @ts-expect-error no such step
      built.step("c", { needs: ["nope"] }, () => 1);
      // @ts-expect-error not a list
      built.map("c", { over: "a" }, () => 1);
      // @ts-expect-error no such step
      built.returns("nope");
      // @ts-expect-error a misspelt option
      built.step("c", { retires: { maxAttempts: 2 } }, () => 1);
      // @ts-expect-error a choice is made at once
      built.step("c", { when: async () => true }, () => 1);
    });
  });

  it("accepts names that are known only at run time", () => {
    type Loose = GraphBuilder<string, string, Record<string, unknown>, unknown, never>;
    let built: Loose = graph<string>("g");
    for (const name of ["a", "b"] as string[]) {
      built = built.step(name, { needs: [] as string[] }, () => 1);
    }
    built = built.map("m", { over: "a" }, (_ctx, item) => {
      expectTypeOf(item).toEqualTypeOf<unknown>();
    });
    expectTypeOf(built.build()).toEqualTypeOf<GraphWorkflow<string, unknown>>();
  });
});

describe("workflow", () => {
  it("types start and result by the function", () => {
    const order = workflow("w", async (_ctx, input: { id: number }) => input.id > 1);
    expectTypeOf(order).toEqualTypeOf<CodeWorkflow<{ id: number }, boolean>>();
  });

  it("types start and result by schemas", () => {
    const built = workflow(
      "w",
      { input: z.coerce.number<string>(), output: z.object({ n: z.number() }) },
      async (_ctx, input) => {
        expectTypeOf(input).toEqualTypeOf<number>();
        return { n: input };
      },
    );
    expectTypeOf(built).toEqualTypeOf<CodeWorkflow<string, { n: number }>>();
  });

  it("types start and result with options that hold no schema", () => {
    const built = workflow("w", { version: "2" }, async (_ctx, input: string) => input.length);
    expectTypeOf(built).toEqualTypeOf<CodeWorkflow<string, number>>();
  });

  it("types the answers that ctx gives", () => {
    workflow("w", async (ctx) => {
      expectTypeOf(ctx.run("a", () => Promise.resolve(1))).resolves.toEqualTypeOf<number>();
      expectTypeOf(ctx.run("a", (step) => step.attempt)).resolves.toEqualTypeOf<number>();
      expectTypeOf(ctx.run("a", () => undefined)).resolves.toEqualTypeOf<null>();
      expectTypeOf(
        ctx.run("a", () => "1", { output: z.string().transform(Number) }),
      ).resolves.toEqualTypeOf<number>();
      expectTypeOf(
        ctx.all([ctx.run("a", () => 1), ctx.run("b", () => "x")]),
      ).resolves.toEqualTypeOf<[number, string]>();
      expectTypeOf(
        ctx.all({ a: ctx.run("a", () => 1), b: ctx.run("b", () => "x") }),
      ).resolves.toEqualTypeOf<{ a: number; b: string }>();
      expectTypeOf(ctx.all([1, 2].map((n) => ctx.run("c", () => n)))).resolves.toEqualTypeOf<
        number[]
      >();
      expectTypeOf(ctx.waitFor("s")).resolves.toEqualTypeOf<unknown>();
      expectTypeOf(ctx.waitFor("s", { schema: z.number() })).resolves.toEqualTypeOf<number>();
      expectTypeOf(ctx.sleep("t", "1s")).resolves.toEqualTypeOf<void>();
    });
  });
});

describe("a client", () => {
  it("infers input and result from either kind of workflow", () => {
    unrun(() => {
      const built = graph<{ n: number }>("g")
        .step("a", () => "x")
        .build();
      const coded = workflow("w", async (_ctx, input: { n: number }) => input.n);
      expectTypeOf(start(built, { n: 1 })).resolves.toEqualTypeOf<string>();
      expectTypeOf(start(coded, { n: 1 })).resolves.toEqualTypeOf<number>();
      // @ts-expect-error not its input
      void start(built, { n: "1" });
      // @ts-expect-error not its input
      void start(coded, 1);
    });
  });

  it("takes workflows of all types into one list", () => {
    const all: Workflow[] = [
      graph<{ n: number }>("g")
        .step("a", () => "x")
        .build(),
      workflow("w", async (_ctx, input: string) => input),
    ];
    expectTypeOf(all).items.toEqualTypeOf<Workflow>();
    expectTypeOf<Result<Workflow, never>>().not.toBeAny();
  });
});
