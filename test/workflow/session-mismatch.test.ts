// Code that no longer fits what was recorded, or that waits for what no log can answer.
import { describe, expect, it } from "vitest";
import { deferred } from "../../src/kernel/async.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { isMillraceError, type MillraceError } from "../../src/kernel/errors.ts";
import { begin, type Driver, failed, fired, noop, ok } from "./session-driver.ts";

function mismatch(run: Driver): MillraceError {
  if (isMillraceError(run.error, "E_CODE_MISMATCH")) return run.error;
  throw new Error(`not a mismatch: ${JSON.stringify(run.end)}`);
}

describe("a re-run that asks for something else", () => {
  it("is ended, naming what differs", async () => {
    const run = await begin(
      async (ctx) => {
        await ctx.run("a", noop);
        await ctx.run("changed", noop);
      },
      ["step:a", "step:b", "step:c"],
    );
    expect(await run.give(ok("a"))).toEqual([]);
    const error = mismatch(run);
    expect(error.details).toEqual({ run: "run-1", expected: "step:b", found: "step:changed" });
    expect(error.message).toMatch(
      /^workflow w, run run-1, after step:a: the function asked for step:changed where earlier it asked for step:b\./,
    );
  });

  it("is ended for a timer in a step's place", async () => {
    const run = await begin((ctx) => ctx.sleep("a", 1), ["step:a"]);
    expect(mismatch(run).details).toMatchObject({ expected: "step:a", found: "timer:a" });
  });

  it("is ended for another order of things asked for together", async () => {
    const run = await begin(
      (ctx) => ctx.all([ctx.run("b", noop), ctx.run("a", noop)]),
      ["step:a", "step:b"],
    );
    expect(mismatch(run).details).toMatchObject({ expected: "step:a", found: "step:b" });
  });

  it("is ended when it stops asking too early", async () => {
    const run = await begin(
      async (ctx) => {
        await ctx.run("a", noop);
      },
      ["step:a", "step:b"],
    );
    await run.give(ok("a"));
    expect(mismatch(run).details).toMatchObject({ expected: "step:b", found: "end" });
  });

  it("is ended when it fails too early, with its error as the cause", async () => {
    const thrown = new Error("new check");
    const run = await begin(() => {
      throw thrown;
    }, ["step:a"]);
    expect(mismatch(run).cause).toBe(thrown);
  });

  it("cannot hide it by catching, and what it asked for beside is dropped", async () => {
    const run = await begin(
      async (ctx) => {
        try {
          return await ctx.all([ctx.run("a", noop), ctx.run("x", noop), ctx.run("y", noop)]);
        } catch {
          return "all is well";
        }
      },
      ["step:a", "step:b"],
    );
    expect(run.fresh).toEqual([]);
    expect(mismatch(run).details).toMatchObject({ expected: "step:b", found: "step:x" });
  });

  it("is not ended for calls beyond the recorded ones", async () => {
    const run = await begin(
      async (ctx) => {
        await ctx.run("a", noop);
        await ctx.run("new", noop);
      },
      ["step:a"],
    );
    expect(await run.give(ok("a"))).toEqual(["step:new"]);
    expect(run.end).toBeUndefined();
  });

  it("finds the code of recorded steps", async () => {
    const run = await begin((ctx) => ctx.run("a", noop, { startToClose: 5 }), ["step:a"]);
    expect(run.fresh).toEqual([]);
    expect(run.session.body("a")?.policy.startToCloseMs).toBe(5);
  });
});

describe("a function that waits for what ctx did not give it", () => {
  it("is ended when nothing else could move it", async () => {
    const run = await begin(async (ctx) => {
      await ctx.run("a", noop);
      await deferred<void>().promise;
    });
    await run.give(ok("a"));
    expect(mismatch(run).message).toMatch(
      /after step:a: the function waits for something that ctx/,
    );
  });

  it("is ended when that wakes it to ask for more", async () => {
    const outside = deferred<void>();
    const run = await begin(async (ctx) => {
      const slow = ctx.run("slow", noop);
      await outside.promise;
      await ctx.run("hasty", noop);
      await slow;
    });
    outside.resolve();
    await systemClock().turn();
    expect(await run.give(ok("slow"))).toEqual([]);
    expect(mismatch(run).message).toMatch(/asked for step:hasty after it had waited/);
  });

  it("is ended when that wakes it to return", async () => {
    const outside = deferred<string>();
    const run = await begin((ctx) => Promise.race([outside.promise, ctx.run("slow", noop)]));
    outside.resolve("x");
    await systemClock().turn();
    await run.give(ok("slow"));
    expect(mismatch(run).message).toMatch(/ended after it had waited/);
  });

  it("may compute with promises of its own", async () => {
    const run = await begin(async (ctx) => {
      for (let round = 0; round < 1_000; round++) await Promise.resolve();
      return ctx.run("a", noop);
    });
    expect(run.calls).toEqual(["step:a"]);
  });
});

describe("answers", () => {
  it("that come before they are asked for are kept", async () => {
    const run = await begin(async (ctx) => {
      await ctx.run("a", noop);
      await ctx.sleep("t", 5);
      return ctx.run("b", noop);
    });
    await run.give(ok("b", 2), fired("t"));
    expect(await run.give(ok("a"))).toEqual(["timer:t", "step:b"]);
    expect(run.end).toEqual({ ok: true, value: 2 });
  });

  it("of abandoned steps that failed do not end the process", async () => {
    const run = await begin(async (ctx) => {
      void ctx.run("a", noop);
      void ctx.all([ctx.run("b", noop)]);
      void ctx.all({ c: ctx.run("c", noop) });
      await ctx.run("d", noop);
    });
    await run.give(failed("a"), failed("b"), failed("c"), ok("d"));
    expect(run.end).toEqual({ ok: true, value: undefined });
  });
});
