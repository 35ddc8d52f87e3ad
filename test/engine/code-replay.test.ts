/**
 * Code workflows: run again after any interruption, the function gets the same answers and takes the
 * same path; a function that takes another one does not get to spoil the run.
 */
import { expect, it } from "vitest";
import { graph, isMillraceError, type MillraceError, workflow } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import type { WorkflowContext } from "../../src/workflow/workflow-context.ts";
import { only, onStores, onVirtualTime, outline, refusal, until } from "./kit/scene.ts";

onStores("a function that is run again", (scene) => {
  it("takes the same path, and its clock shows the same times", async () => {
    const paths: string[][] = [];
    const gates = Array.from({ length: 4 }, () => deferred<void>());
    const executed: string[] = [];
    const flow = workflow("path", async (ctx) => {
      const path: string[] = [];
      paths.push(path);
      const mark = (what: unknown) => path.push(`${String(what)} at ${ctx.now()}`);
      mark("begin");
      for (const [index, gate] of gates.entries()) {
        const both = await ctx.all({
          gated: ctx.run("gated", async () => {
            executed.push(`gated ${index}`);
            await gate.promise;
            return index;
          }),
          free: ctx.run("free", () => void executed.push(`free ${index}`)),
        });
        mark(`round ${both.gated}`);
        await ctx.sleep("short", 1);
        mark("slept");
      }
      return path.length;
    });
    const options = { workflows: [flow], stopGrace: 1, sweepEvery: "1h" } as const;
    let millrace = await scene().open(options);
    const run = await millrace.start(flow, undefined, { id: "run" });
    for (const [round, gate] of gates.entries()) {
      await until("the round has begun", () => executed.includes(`gated ${round}`));
      await until("its free step is done", async () => {
        const { steps } = await millrace.get(run.id);
        const done = steps.filter(({ status }) => status === "completed");
        return done.filter(({ step }) => step.startsWith("free")).length === round + 1;
      });
      await scene().close(millrace);
      gate.resolve();
      const runs = paths.length;
      millrace = await scene().open(options);
      await until("it is run again", () => paths.length > runs);
    }
    expect(await millrace.handle("run").result({ timeoutMs: 25_000 })).toBe(9);
    const longest = paths.at(-1) ?? [];
    for (const path of paths) expect(path).toEqual(longest.slice(0, path.length));
    expect(executed.filter((line) => line.startsWith("free"))).toHaveLength(4);
  });

  it("numbers repeated names, and joins what ran beside each other in the order asked for", async () => {
    const flow = workflow("beside", (ctx) =>
      ctx.all(
        [30, 5, 15].map((ms) =>
          ctx.run("same", async (step) => {
            await new Promise((resolve) => setTimeout(resolve, ms));
            return `${step.step} ${ms}`;
          }),
        ),
      ),
    );
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    expect(await run.result()).toEqual(["same 30", "same#2 5", "same#3 15"]);
  });

  it("that waits for something else fails its run, and says why", async () => {
    const flow = workflow("impatient", async (ctx) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return ctx.run("late", () => 1);
    });
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    const error = (await refusal(run.result())) as MillraceError;
    expect((error.cause as Error).name).toBe("E_CODE_MISMATCH");
    expect(error.message).toContain("put what takes time");
  });

  it("may end while steps still run: they are stopped", async () => {
    const aborted = deferred<unknown>();
    const flow = workflow("careless", async (ctx) => {
      void ctx.run("forgotten", (step) => {
        step.signal.addEventListener("abort", () => aborted.resolve(step.signal.reason));
        return new Promise(() => undefined);
      });
      return ctx.run("quick", () => "done");
    });
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    expect(await run.result()).toBe("done");
    expect(isMillraceError(await aborted.promise)).toBe(true);
    const lines = outline(await scene().log(run.id)).slice(-2);
    expect(lines).toEqual(["step.cancelled forgotten", "run.completed"]);
  });

  it("that throws fails its run with what it threw, or with nothing but that it did", async () => {
    const thrown: readonly (readonly [unknown, string])[] = [
      [new RangeError("out of it"), "out of it"],
      ["text", "text"],
      [undefined, "undefined"],
    ];
    for (const [what, message] of thrown) {
      const flow = workflow("throwing", async () => {
        throw what;
      });
      const millrace = await scene().open({ workflows: [flow] });
      const run = await millrace.start(flow);
      expect(String(await refusal(run.result()))).toContain(message);
      await scene().close(millrace);
    }
  });

  it("may use names that every object has", async () => {
    const names = ["constructor", "toString", "valueOf", "hasOwnProperty"];
    const flow = workflow("odd-names", async (ctx) => {
      const results: unknown[] = [];
      for (const name of names) {
        await ctx.sleep(name, 1);
        results.push(await ctx.run(name, () => name), await ctx.waitFor(name));
      }
      return results;
    });
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    for (const name of names) await run.signal(name, name, { id: name });
    expect(await run.result({ timeoutMs: 25_000 })).toEqual(names.flatMap((name) => [name, name]));
  });
});

onVirtualTime("a function that has changed", (scene, time) => {
  const version = (path: (ctx: WorkflowContext) => Promise<unknown>) =>
    workflow("deployed", async (ctx) => {
      await ctx.run("first", () => 1);
      await ctx.sleep("nap", "1h");
      return path(ctx);
    });
  const good = version((ctx) => ctx.run("second", () => "ended"));
  const bad = workflow("deployed", async (ctx) => {
    await ctx.run("other", () => 1);
    return ctx.run("second", () => "spoilt");
  });

  it("parks its run, and the version it began with finishes it", async () => {
    const first = await scene().open({ workflows: [good] });
    const run = await first.start(good, undefined, { id: "run" });
    await time().pass(60_000);
    await time().until(scene().close(first));
    const errors: string[] = [];
    const note = (message: string): void => void errors.push(message);
    const logger = { info: () => undefined, warn: note, error: note };
    const second = await scene().open({ workflows: [bad], logger });
    await time().pass(3_660_000);
    const view = await second.get(run.id);
    expect(view.status).toBe("parked");
    expect(view.parkedReason).toContain(
      "asked for step:other where earlier it asked for step:first",
    );
    expect(errors.join("\n")).toContain("step:other");
    const parked = (await scene().log("run")).length;
    await time().pass(3_600_000);
    // It is looked at now and then, not all the time, and nothing of it runs.
    const events = await scene().log("run");
    expect(events.length - parked).toBeLessThan(40);
    expect(only(events, "step.started").map(({ step }) => step)).toEqual(["first"]);
    await time().until(scene().close(second));
    const third = await scene().open({ workflows: [good] });
    expect(await time().until(third.handle("run").result())).toBe("ended");
  });

  it("is looked at again at once when its run is told something", async () => {
    const first = await scene().open({ workflows: [good] });
    await first.start(good, undefined, { id: "run" });
    await time().pass(60_000);
    await time().until(scene().close(first));
    const second = await scene().open({ workflows: [bad] });
    await time().pass(3_660_000);
    await time().until(scene().close(second));
    const third = await scene().open({ workflows: [good] });
    await third.signal("run", "look");
    expect(await time().until(third.handle("run").result(), 10_000)).toBe("ended");
  });

  it("keeps steps that were running when their code is gone", async () => {
    const held = deferred<string>();
    const long = workflow("deployed", (ctx) => ctx.run("long", () => held.promise));
    const first = await scene().open({ workflows: [long], stopGrace: 1 });
    await first.start(long, undefined, { id: "run" });
    await time().pass(1_000);
    await time().until(scene().close(first));
    const second = await scene().open({ workflows: [bad] });
    await time().pass(10_000);
    expect((await second.get("run")).status).toBe("parked");
    await time().until(scene().close(second));
    held.resolve("ended");
    const third = await scene().open({ workflows: [long] });
    expect(await time().until(third.handle("run").result())).toBe("ended");
  });

  it("is not asked for a run of another kind, whose log says so once", async () => {
    const held = deferred<void>();
    const code = workflow("either", (ctx) => ctx.run("only", () => held.promise));
    const first = await scene().open({ workflows: [code], stopGrace: 1 });
    await first.start(code, undefined, { id: "run" });
    await time().pass(1_000);
    await time().until(scene().close(first));
    const other = graph("either")
      .step("only", () => "another")
      .build();
    const second = await scene().open({ workflows: [other] });
    await time().pass(120_000);
    const events = await scene().log("run");
    expect(events.filter(({ type }) => type === "step.started")).toHaveLength(1);
    expect(only(events, "run.parked")).toMatchObject([{ error: { code: "E_VERSION_UNKNOWN" } }]);
    await time().until(scene().close(second));
    held.resolve();
    const third = await scene().open({ workflows: [code] });
    expect(await time().until(third.handle("run").result())).toBeNull();
  });
});
