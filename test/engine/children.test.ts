/**
 * Child runs of code workflows: what they are asked for with, what their parent is told, and what becomes of
 * them when it ends first.
 */
import { expect, it } from "vitest";
import {
  type CodeWorkflow,
  isMillraceError,
  type Millrace,
  type MillraceError,
  TerminalError,
  workflow,
} from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import { ALL_STORES, only, onStores, onVirtualTime, outline, refusal, until } from "./kit/scene.ts";

const double = workflow("double", async (ctx, n: number) => ctx.run("times-two", () => n * 2));
const broken = workflow("broken", async (ctx) => {
  await ctx.run("work", () => {
    throw new TerminalError("no way");
  });
});
const waiting = workflow("waiting", async (ctx) => ctx.waitFor<string>("word"));

/** The child run of a step, once it is known to exist. */
async function childOf(millrace: Millrace, run: string, step: string): Promise<string> {
  let child: string | undefined;
  await until(`${step} of ${run} has started`, async () => {
    const view = (await millrace.get(run)).steps.find((one) => one.step === step);
    child = view?.child?.run;
    return child !== undefined && (await millrace.list()).some((one) => one.run === child);
  });
  return child as string;
}

onStores(
  "a child run",
  (scene) => {
    it("gives its result to its parent, which parks meanwhile", async () => {
      const parent = workflow("parent", async (ctx, n: number) => {
        const twice = await ctx.child("first", double, n);
        return (await ctx.child("second", double, twice)) + 1;
      });
      const millrace = await scene().open({ workflows: [parent, double] });
      const run = await millrace.start(parent, 10, { id: "p" });
      expect(await run.result()).toBe(41);
      const lines = outline(await scene().log("p"));
      expect(lines.filter((line) => /child|step/.test(line))).toEqual([
        "child.requested first",
        "child.started first",
        "step.completed first",
        "child.requested second",
        "child.started second",
        "step.completed second",
      ]);
    });

    it("fails as what the parent may catch, with its cause", async () => {
      const seen: MillraceError[] = [];
      const parent = workflow("parent", async (ctx) => {
        await ctx.child("bad", broken).catch((error: MillraceError) => seen.push(error));
        return "caught";
      });
      const millrace = await scene().open({ workflows: [parent, broken] });
      const run = await millrace.start(parent);
      expect(await run.result()).toBe("caught");
      const [error] = seen;
      expect(error?.code).toBe("E_CHILD_FAILED");
      expect(error?.details).toMatchObject({
        child: "bad",
        code: "E_STEP_FAILED",
        cancelled: false,
      });
      expect(error).toMatchObject({ cause: { cause: { message: "no way" } } });
    });

    it("is started once, by a name too, in a process that has its workflow", async () => {
      const parent = workflow("parent", async (ctx) => ctx.child("there", "double", 4));
      const here = await scene().open({ workflows: [parent] });
      const run = await here.start(parent);
      const child = await childOf(here, run.id, "there");
      expect((await here.get(child)).status).toBe("pending");
      await scene().open({ workflows: [double] });
      expect(await run.result()).toBe(8);
      expect(only(await scene().log(child), "run.planned")).toHaveLength(1);
    });

    it("has children of its own", async () => {
      const inner: CodeWorkflow<number, number> = workflow("inner", async (ctx, depth: number) =>
        depth === 0 ? 0 : 1 + ((await ctx.child("deeper", "inner", depth - 1)) as number),
      );
      const millrace = await scene().open({ workflows: [inner] });
      expect(await (await millrace.start(inner, 5)).result()).toBe(5);
    });

    it("is one of many, of which so many are under way at once", async () => {
      let most = 0;
      let now = 0;
      const busy = workflow("busy", async (ctx, n: number) =>
        ctx.run("work", async () => {
          most = Math.max(most, ++now);
          await new Promise((resolve) => setImmediate(resolve));
          now--;
          return n + 1;
        }),
      );
      const parent = workflow("parent", async (ctx, count: number) => {
        const inputs = Array.from({ length: count }, (_, index) => index);
        const results = await ctx.children("all", busy, inputs, { concurrency: 3 });
        return results.reduce((sum, n) => sum + n, 0);
      });
      const millrace = await scene().open({ workflows: [parent, busy] });
      expect(await (await millrace.start(parent, 20)).result()).toBe(210);
      expect(most).toBeLessThanOrEqual(3);
    });

    it("that fails among many stops the others", async () => {
      const some = workflow("some", async (ctx, n: number) => {
        if (n === 2) throw new Error("not this one");
        return ctx.waitFor("never");
      });
      const parent = workflow("parent", async (ctx) => ctx.children("all", some, [0, 1, 2, 3]));
      const millrace = await scene().open({ workflows: [parent, some] });
      const run = await millrace.start(parent);
      const error = (await refusal(run.result())) as MillraceError;
      expect(error.message).toContain("not this one");
      await until("the others were cancelled", async () => {
        const runs = await millrace.list({ workflow: "some" });
        return runs.filter(({ status }) => status === "cancelled").length === 3;
      });
    });

    it("is asked to stop when its parent is cancelled", async () => {
      const parent = workflow("parent", async (ctx) => ctx.child("only", waiting));
      const millrace = await scene().open({ workflows: [parent, waiting] });
      const run = await millrace.start(parent);
      const child = await childOf(millrace, run.id, "only");
      await run.cancel();
      expect(isMillraceError(await refusal(run.result()), "E_RUN_CANCELLED")).toBe(true);
      await refusal(millrace.result(child));
      expect((await millrace.get(child)).cancelledBy).toBe(run.id);
    });

    it("is left to itself if it is to be abandoned", async () => {
      const parent = workflow("parent", async (ctx) => {
        return ctx.startChild("dispatch", waiting, undefined, { onParentClose: "abandon" }).id;
      });
      const millrace = await scene().open({ workflows: [parent, waiting] });
      const child = (await (await millrace.start(parent)).result()) as string;
      await millrace.signal(child, "word", "on");
      expect(await millrace.result(child)).toBe("on");
    });

    it("is waited for if its parent is to wait", async () => {
      const parent = workflow("parent", async (ctx) => {
        ctx.startChild("slow", waiting, undefined, { onParentClose: "wait" });
        return "done";
      });
      const millrace = await scene().open({ workflows: [parent, waiting] });
      const run = await millrace.start(parent);
      const child = await childOf(millrace, run.id, "slow");
      const [wait] = (await run.explain()).waits;
      expect(wait).toMatchObject({ kind: "child", step: "slow" });
      await millrace.signal(child, "word", "on");
      expect(await run.result()).toBe("done");
      expect(only(await scene().log(run.id), "step.completed")).toHaveLength(1);
    });

    it("does not take another's id, and does the other no harm", async () => {
      const parent = workflow("parent", async (ctx) => {
        await ctx.child("only", waiting, undefined, { id: "taken" });
      });
      const millrace = await scene().open({ workflows: [parent, waiting] });
      const other = await millrace.start(waiting, "other", { id: "taken" });
      const error = (await refusal((await millrace.start(parent)).result())) as MillraceError;
      expect(error.details).toMatchObject({ code: "E_CHILD_FAILED" });
      await other.signal("word", "on");
      expect(await other.result()).toBe("on");
    });
  },
  ALL_STORES,
);

onVirtualTime("a child run", (scene, time) => {
  it("that takes too long fails its call, and is asked to stop", async () => {
    const parent = workflow("parent", async (ctx) => {
      const slow = ctx.child("slow", waiting, undefined, { timeout: "1m" });
      return slow.catch((error: MillraceError) => error.details["code"]);
    });
    const millrace = await scene().open({ workflows: [parent, waiting] });
    const run = await millrace.start(parent);
    expect(await time().until(run.result())).toBe("E_TIMEOUT");
    const [child] = await millrace.list({ workflow: "waiting" });
    await time().until(refusal(millrace.result(child?.run ?? "")));
  });

  it("has a parent that parks after a while, and is woken by its end", async () => {
    const held = deferred<string>();
    const slow = workflow("slow", async (ctx) => ctx.run("work", () => held.promise));
    const parent = workflow("parent", async (ctx) => ctx.child("only", slow));
    const millrace = await scene().open({ workflows: [parent, slow] });
    const run = await millrace.start(parent);
    await time().pass(5_000);
    expect(await run.get()).toMatchObject({ status: "parked", parkedReason: "waits for children" });
    held.resolve("at last");
    expect(await time().until(run.result())).toBe("at last");
  });
});
