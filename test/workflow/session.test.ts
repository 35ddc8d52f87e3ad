// One execution of a code workflow: what it asks for, and what the answers lead to.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { isMillraceError, MillraceError } from "../../src/kernel/errors.ts";
import type { StepContext } from "../../src/workflow/step-context.ts";
import type { WorkflowContext } from "../../src/workflow/workflow-context.ts";
import { begin, CREATED, Driver, failed, fired, matched, noop, ok } from "./session-driver.ts";

const withCode = (code: string): unknown =>
  expect.toSatisfy((error) => isMillraceError(error) && error.code === code);

describe("a sequence", () => {
  it("asks for one thing after the other, and ends with what the function returns", async () => {
    const run = await begin(async (ctx, input) => {
      const a = await ctx.run("a", noop);
      await ctx.sleep("t", "5s");
      return [input, a, await ctx.run("b", noop)];
    });
    expect(run.calls).toEqual(["step:a"]);
    expect(await run.give(ok("a"))).toEqual(["timer:t"]);
    expect(run.fresh).toEqual([{ kind: "timer", id: "t", ms: 5_000 }]);
    expect(await run.give(fired("t"))).toEqual(["step:b"]);
    expect(run.end).toBeUndefined();
    await run.give(ok("b"));
    expect(run.end).toEqual({ ok: true, value: [7, "result of a", "result of b"] });
  });

  it("begins before it delivers an answer that comes first", async () => {
    const run = new Driver((ctx) => ctx.waitFor("s"));
    await run.give(matched("s", 1));
    expect(run.end).toEqual({ ok: true, value: 1 });
  });

  it("ends at once when nothing is asked for", async () => {
    const run = await begin((_ctx, input) => input);
    expect(run.end).toEqual({ ok: true, value: 7 });
    expect(await run.session.advance()).toEqual({ calls: [], end: run.end });
  });

  it("ends with what the function throws, also before its first await", async () => {
    const thrown = new Error("no");
    const run = await begin(() => {
      throw thrown;
    });
    expect(run.end).toEqual({ ok: false, error: thrown });
  });

  it("gives the steps it asked for with their policies and code", async () => {
    const run = await begin((ctx) =>
      ctx.run("a", (step) => step.attempt, { startToClose: "3s", retry: { maxAttempts: 1 } }),
    );
    const step = run.session.body("a");
    expect(step?.policy).toMatchObject({ startToCloseMs: 3_000, retry: { maxAttempts: 1 } });
    expect(step?.body.run({ attempt: 3 } as StepContext, undefined)).toBe(3);
    expect(run.fresh).toEqual([{ kind: "step", id: "a", ...step }]);
    expect(run.session.body("b")).toBeUndefined();
  });
});

describe("names", () => {
  it("are numbered when they are used again, for steps and timers apart", async () => {
    const run = await begin(async (ctx) => {
      for (let round = 0; round < 3; round++) {
        await ctx.run("x", noop);
        await ctx.sleep("x", 1);
      }
    });
    const answers = [ok("x"), fired("x"), ok("x#2"), fired("x#2"), ok("x#3"), fired("x#3")];
    await run.give(...answers);
    expect(run.calls).toEqual([
      ...["step:x", "timer:x", "step:x#2", "timer:x#2", "step:x#3", "timer:x#3"],
    ]);
    expect(run.end).toEqual({ ok: true, value: undefined });
  });

  it.each([
    ["a step", (ctx: WorkflowContext) => ctx.run("a b", noop), "E_ID_INVALID"],
    ["a timer", (ctx: WorkflowContext) => ctx.sleep("*", 1), "E_ID_INVALID"],
    ["a signal", (ctx: WorkflowContext) => ctx.waitFor(""), "E_ID_INVALID"],
    ["a duration", (ctx: WorkflowContext) => ctx.sleep("t", "soon"), "E_OPTION_INVALID"],
    ["a function", (ctx: WorkflowContext) => ctx.run("a", 1 as never), "E_DEF_INVALID"],
    [
      "an option",
      (ctx: WorkflowContext) => ctx.run("a", noop, { retires: 1 } as object),
      "E_DEF_INVALID",
    ],
    [
      "a schema",
      (ctx: WorkflowContext) => ctx.waitFor("a", { schema: {} as never }),
      "E_DEF_INVALID",
    ],
  ])(
    "and all else that is wrong with %s is refused where it is said",
    async (_what, call, code) => {
      const run = await begin(async (ctx) => call(ctx));
      expect(run.error).toEqual(withCode(code));
      expect(run.calls).toEqual([]);
    },
  );
});

describe("things at once", () => {
  it("are asked for together, and answered in any order", async () => {
    const run = await begin((ctx) => ctx.all([ctx.run("a", noop), ctx.run("b", noop)]));
    expect(run.calls).toEqual(["step:a", "step:b"]);
    await run.give(ok("b", 2));
    expect(run.end).toBeUndefined();
    await run.give(ok("a", 1));
    expect(run.end).toEqual({ ok: true, value: [1, 2] });
  });

  it("can be a record", async () => {
    const run = await begin((ctx) =>
      ctx.all({ left: ctx.run("a", noop), right: ctx.run("b", noop), plain: 3 }),
    );
    await run.give(ok("b", 2), ok("a", 1));
    expect(run.end).toEqual({ ok: true, value: { left: 1, right: 2, plain: 3 } });
  });

  it("fail with the first that fails", async () => {
    const run = await begin((ctx) => ctx.all({ a: ctx.run("a", noop), b: ctx.run("b", noop) }));
    await run.give(failed("b"));
    expect(run.error).toMatchObject({ code: "E_STEP_FAILED", details: { step: "b" } });
  });

  it("can race, and the loser's answer changes nothing", async () => {
    const run = await begin(async (ctx) => {
      const first = await Promise.race([ctx.run("slow", noop), ctx.sleep("limit", "1m")]);
      return [first ?? "too late", await ctx.run("after", noop)];
    });
    expect(run.calls).toEqual(["step:slow", "timer:limit"]);
    expect(await run.give(fired("limit"))).toEqual(["step:after"]);
    await run.give(ok("slow"));
    await run.give(ok("after", 1));
    expect(run.end).toEqual({ ok: true, value: ["too late", 1] });
  });

  it("see the time of the last answer", async () => {
    const times: number[] = [];
    const run = await begin(async (ctx) => {
      times.push(ctx.now());
      await ctx.run("a", noop);
      times.push(ctx.now());
      await ctx.run("b", noop);
      times.push(ctx.now());
    });
    await run.give(ok("a"), ok("b"));
    expect(times).toEqual([CREATED, CREATED + 1, CREATED + 2]);
  });
});

describe("signals", () => {
  it("are asked for by name and order, and answered one by one", async () => {
    const run = await begin(async (ctx) => {
      await ctx.run("a", noop);
      const first = await ctx.waitFor("s");
      const rest = await ctx.all([ctx.waitFor("s"), ctx.waitFor("other"), ctx.waitFor("s")]);
      return [first, ...rest];
    });
    await run.give(ok("a"), matched("s", 1));
    expect(run.calls).toEqual(["step:a", "wait:s", "wait:s#2", "wait:other", "wait:s#3"]);
    await run.give(matched("s#3", 3), matched("other", "o"), matched("s#2", 2));
    expect(run.end).toEqual({ ok: true, value: [1, 2, "o", 3] });
  });

  it("are checked by their schema", async () => {
    const schema = z.object({ yes: z.string().transform((text) => text === "y") });
    const run = await begin(async (ctx) => {
      const good = await ctx.waitFor("s", { schema });
      await ctx.waitFor("s", { schema });
      return good;
    });
    await run.give(matched("s", { yes: "y" }));
    expect(run.end).toBeUndefined();
    await run.give(matched("s#2", { yes: 1 }));
    expect(run.error).toMatchObject({ code: "E_SCHEMA", details: { paths: [".yes"] } });
  });
});

describe("a failed step", () => {
  it("rejects with what happened, which the function may catch", async () => {
    const run = await begin(async (ctx) => {
      try {
        return await ctx.run("a", noop);
      } catch (error) {
        return [error, await ctx.run("undo", noop)];
      }
    });
    expect(await run.give(failed("a", "card refused"))).toEqual(["step:undo"]);
    await run.give(ok("undo", "undone"));
    const [error, undone] = (run.end?.ok ? run.end.value : []) as [MillraceError, string];
    expect(undone).toBe("undone");
    expect(error).toBeInstanceOf(MillraceError);
    expect(error.code).toBe("E_STEP_FAILED");
    expect(error.message).toBe("step a failed: card refused");
    expect(error.details).toEqual({ step: "a", code: "E_TERMINAL", cancelled: false });
    expect(error.cause).toMatchObject({ message: "card refused", code: "E_TERMINAL" });
  });

  it("keeps the recorded causes and stacks", async () => {
    const inner = { code: "ECONNREFUSED", message: "no route" };
    const failure = { code: "Error", message: "fetch failed", stack: "Error: at x", cause: inner };
    const run = await begin((ctx) => ctx.run("a", noop));
    await run.give({ kind: "step", id: "a", outcome: { ok: false, failure } });
    expect(run.error).toMatchObject({
      cause: { message: "fetch failed", stack: "Error: at x", cause: { code: "ECONNREFUSED" } },
    });
  });

  it("says when it was cancelled", async () => {
    const run = await begin((ctx) => ctx.run("a", noop));
    await run.give(failed("a", "the run is being cancelled", true));
    expect(run.error).toMatchObject({
      message: "step a was cancelled: the run is being cancelled",
      details: { cancelled: true },
    });
  });

  it("ends the run when nobody catches it", async () => {
    const run = await begin(async (ctx) => {
      await ctx.run("a", noop);
      await ctx.run("b", noop);
    });
    expect(await run.give(failed("a"))).toEqual([]);
    expect(run.error).toEqual(withCode("E_STEP_FAILED"));
  });
});

describe("after the end", () => {
  it("every call is refused", async () => {
    let late: WorkflowContext | undefined;
    const run = await begin((ctx) => {
      late = ctx;
    });
    expect(run.end).toEqual({ ok: true, value: undefined });
    const calls: ((ctx: WorkflowContext) => unknown)[] = [
      (ctx) => ctx.run("a", noop),
      (ctx) => ctx.all([]),
      (ctx) => ctx.sleep("t", 1),
      (ctx) => ctx.waitFor("s"),
      (ctx) => ctx.now(),
    ];
    for (const call of calls) {
      expect(() => late && call(late)).toThrow(withCode("E_CTX_CLOSED") as Error);
    }
    expect((await run.session.advance()).calls).toEqual([]);
  });

  it("a stopped function never hears again of what it waits for", async () => {
    const heard: string[] = [];
    const run = await begin(async (ctx) => {
      try {
        await ctx.run("a", noop);
        heard.push("answer");
      } finally {
        heard.push("finally");
      }
    });
    run.session.stop();
    expect(await run.session.advance(ok("a"))).toEqual({ calls: [] });
    expect(heard).toEqual([]);
  });

  it("answers of what nobody awaits are dropped", async () => {
    const run = await begin(async (ctx) => {
      void ctx.run("forgotten", noop);
      return 1;
    });
    expect(run.calls).toEqual(["step:forgotten"]);
    await run.give(failed("forgotten"));
    expect(run.end).toEqual({ ok: true, value: 1 });
  });
});
