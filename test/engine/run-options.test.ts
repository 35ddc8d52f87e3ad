/** Options of a whole run: how many steps run at once, and what a failure means for the others. */
import { expect, it } from "vitest";
import { graph, type MillraceError, TerminalError, workflow } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import { only, onStores, outline, refusal, sleep, until } from "./kit/scene.ts";

const broken = (): never => {
  throw new TerminalError("it is broken");
};

onStores("a run with a bound on what runs at once", (scene) => {
  const busy = { now: 0, most: 0 };
  const work = async (): Promise<void> => {
    busy.most = Math.max(busy.most, ++busy.now);
    await sleep(3);
    busy.now--;
  };

  it("keeps to it, over steps and items", async () => {
    Object.assign(busy, { now: 0, most: 0 });
    const flow = graph("bounded", { concurrency: 3 })
      .step("list", () => [1, 2, 3, 4, 5, 6, 7, 8])
      .map("items", { over: "list" }, work)
      .step("a", work)
      .step("b", work)
      .step("join", { needs: ["items", "a", "b"] }, () => "done")
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    expect(await (await millrace.start(flow)).result()).toBe("done");
    expect(busy.most).toBe(3);
  });

  it("keeps to it when it is a function", async () => {
    Object.assign(busy, { now: 0, most: 0 });
    const flow = workflow("bounded-code", { concurrency: 2 }, async (ctx) => {
      await ctx.all([1, 2, 3, 4, 5].map(() => ctx.run("work", work)));
      return "done";
    });
    const millrace = await scene().open({ workflows: [flow] });
    expect(await (await millrace.start(flow)).result()).toBe("done");
    expect(busy.most).toBe(2);
  });

  it("says what a step waits for", async () => {
    const gate = deferred<void>();
    const flow = graph("one-by-one", { concurrency: 1 })
      .step("a", () => gate.promise)
      .step("b", () => "done")
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await until("a runs", async () => (await run.get()).steps[0]?.status === "running");
    const { waits } = await run.explain();
    expect(waits.find(({ step }) => step === "b")?.what).toBe(
      "step b could run; the run's bound of 1 at once is reached",
    );
    gate.resolve();
    expect(await run.result()).toBe("done");
  });
});

onStores("a run that goes on after a failure", (scene) => {
  it("runs all that does not need what failed, skips the rest, and then fails", async () => {
    const flow = graph("goes-on", { onFailure: "continue" })
      .step("bad", broken)
      .step("good", () => sleep(20))
      .step("after-good", { needs: ["good"] }, () => "ran")
      .step("after-bad", { needs: ["bad", "good"], when: broken }, broken)
      .step("end", { needs: ["after-bad", "after-good"] }, broken)
      .returns("after-good")
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    const error = (await refusal(run.result())) as MillraceError;
    expect(error).toMatchObject({ code: "E_RUN_FAILED", details: { code: "E_STEP_FAILED" } });
    expect(error.message).toContain("step bad failed: it is broken");
    const { steps } = await run.get();
    expect(steps.map(({ step, status, reason }) => [step, status, reason])).toEqual([
      ["bad", "failed", null],
      ["good", "completed", null],
      ["after-good", "completed", null],
      ["after-bad", "skipped", "it needs bad, which failed"],
      ["end", "skipped", "it needs after-bad, which could not run"],
    ]);
  });

  it("runs the other items of a map, which then fails with the first that did", async () => {
    const flow = graph("some-items", { onFailure: "continue" })
      .step("list", () => [0, 1, 2, 3])
      .map("work", { over: "list" }, (_ctx, item) => (item % 2 === 1 ? broken() : item))
      .step("join", { needs: ["work"] }, broken)
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await refusal(run.result());
    const events = await scene().log(run.id);
    expect(only(events, "step.completed").map(({ step }) => step)).toEqual([
      "list",
      "work[0]",
      "work[2]",
    ]);
    const failed = only(events, "step.failed").at(-1);
    expect(failed?.step).toBe("work");
    expect(failed?.error.message).toMatch(/step work\[[13]\] failed: it is broken/);
    expect(outline(events)).toContain("step.skipped join");
  });

  it("undoes what was done, at its end", async () => {
    const undone: string[] = [];
    const flow = graph("undoing", { onFailure: "continue" })
      .step("bad", broken)
      .step("good", { undo: () => undone.push("good") }, () => sleep(10))
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    await refusal((await millrace.start(flow)).result());
    expect(undone).toEqual(["good"]);
  });
});
