/**
 * The grace of a cancellation: steps that run are asked to stop and may end by themselves for a while.
 * What they end with in that time counts; what they end with later does not.
 */
import { expect, it } from "vitest";
import { graph, MillraceError, workflow } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import type { Store } from "../../src/ports/store.ts";
import { over } from "../../src/testing/simulation/over.ts";
import { only, onStores, onVirtualTime, outline, refusal, until } from "./kit/scene.ts";

const never = (): Promise<never> => new Promise(() => undefined);

onVirtualTime("a cancelled run", (scene, time) => {
  it("takes what a step ends with in time, and undoes it", async () => {
    const undone: unknown[] = [];
    const asked: unknown[] = [];
    const flow = graph("clean")
      .step(
        "copy",
        { undo: (_, copied: string) => void undone.push(copied) },
        (ctx) =>
          new Promise<string>((resolve) => {
            ctx.signal.addEventListener("abort", () => {
              asked.push(ctx.signal.reason);
              resolve("half of it");
            });
          }),
      )
      .step("next", { needs: ["copy"] }, () => "never")
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().still();
    await run.cancel({ by: "Ada", reason: "no longer wanted" });
    expect(await time().until(refusal(run.result()))).toMatchObject({ code: "E_RUN_CANCELLED" });
    expect(asked).toMatchObject([{ code: "E_RUN_CANCELLED", message: /Ada: no longer wanted/ }]);
    expect(asked[0]).toBeInstanceOf(MillraceError);
    expect(undone).toEqual(["half of it"]);
    expect(outline(await scene().log(run.id)).slice(-6)).toEqual([
      "step.completed copy",
      "run.compensating",
      "step.scheduled copy~undo",
      "step.started copy~undo",
      "step.completed copy~undo",
      "run.cancelled",
    ]);
  });

  it("gives steps 5 seconds, or what the workflow or the request says, and then stops them", async () => {
    const stubborn = (name: string, options: object) =>
      graph(name, options).step("only", never).build();
    const usual = stubborn("usual", {});
    const brief = stubborn("brief", { cancelGrace: "2s" });
    const millrace = await scene().open({ workflows: [usual, brief] });
    const tookMs = async (flow: typeof usual, grace?: "30s"): Promise<number> => {
      const run = await millrace.start(flow);
      await time().still();
      await run.cancel(grace === undefined ? {} : { grace });
      await time().until(refusal(run.result()));
      const events = await scene().log(run.id);
      const [asked] = only(events, "run.cancelling");
      const [stopped] = only(events, "step.cancelled");
      expect(stopped?.at).toBe(asked?.until);
      return (stopped?.at ?? 0) - (asked?.at ?? 0);
    };
    expect(await tookMs(usual)).toBe(5_000);
    expect(await tookMs(brief)).toBe(2_000);
    expect(await tookMs(brief, "30s")).toBe(30_000);
  });

  it("is stopped sooner when it is cancelled again with less time, and not later", async () => {
    const flow = graph("patient", { cancelGrace: "1h" }).step("only", never).build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().still();
    await run.cancel();
    await time().pass(1_000);
    expect((await run.explain()).waits).toMatchObject([{ kind: "attempt", step: "only" }]);
    await run.cancel({ grace: "2h" });
    await run.cancel({ grace: "3s" });
    await time().until(refusal(run.result()));
    const events = await scene().log(run.id);
    const asked = only(events, "run.cancelling").map(({ at, until = 0 }) => until - at);
    expect(asked).toEqual([3_600_000, 3_000]);
    expect(events.at(-1)?.at).toBe(only(events, "run.cancelling")[1]?.until);
  });

  it("tries nothing again that fails in that time, and begins no further items", async () => {
    const began: unknown[] = [];
    const flow = graph("many")
      .step("list", () => [1, 2, 3, 4])
      .map("work", { over: "list", concurrency: 2 }, (ctx, item) => {
        began.push(item);
        return new Promise((_, reject) => {
          ctx.signal.addEventListener("abort", () => reject(new Error("stopped")));
        });
      })
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().still();
    await run.cancel();
    await time().until(refusal(run.result()));
    expect(began).toEqual([1, 2]);
    const events = await scene().log(run.id);
    expect(only(events, "step.retrying")).toEqual([]);
    const ended = only(events, "step.cancelled").map(({ step, reason }) => [step, reason]);
    expect(ended.slice(0, 2)).toEqual([
      ["work[0]", "the run is being cancelled; it stopped with stopped"],
      ["work[1]", "the run is being cancelled; it stopped with stopped"],
    ]);
    expect(events.at(-1)?.at).toBe(only(events, "run.cancelling")[0]?.at);
  });

  it("records what comes after that time, as long as it is being undone", async () => {
    const [late, undo] = [deferred<string>(), deferred<void>()];
    const flow = graph("late", { cancelGrace: "1s" })
      .step("first", { undo: () => undo.promise }, () => 1)
      .step("slow", { needs: ["first"], undo: () => undefined }, () => late.promise)
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().still();
    await run.cancel();
    await time().pass(2_000);
    late.resolve("too late");
    await time().still();
    undo.resolve();
    await time().until(refusal(run.result()));
    const events = await scene().log(run.id);
    expect(only(events, "anomaly.recorded")).toMatchObject([{ kind: "late-report", step: "slow" }]);
    expect(only(events, "step.completed").map(({ step }) => step)).toEqual(["first", "first~undo"]);
  });

  it("does not begin a function whose input comes only then", async () => {
    const coming = deferred<void>();
    const slow = (store: Store): Store => {
      const get = async (digest: string) => {
        await coming.promise;
        return store.blobs.get(digest);
      };
      return { ...store, blobs: over(store.blobs, { get }) };
    };
    const begun: string[] = [];
    const flow = graph<string>("late")
      .step("only", () => void begun.push("only"))
      .build();
    const millrace = await scene().open({ workflows: [flow], wrap: slow });
    const run = await millrace.start(flow, "x".repeat(100_000));
    await time().still();
    await run.cancel();
    await time().still();
    coming.resolve();
    await time().until(refusal(run.result()));
    expect(begun).toEqual([]);
    expect(outline(await scene().log(run.id)).slice(-2)).toEqual([
      "step.cancelled only",
      "run.cancelled",
    ]);
  });

  it("of code takes and undoes it likewise, and its function goes no further", async () => {
    const log: string[] = [];
    const flow = workflow("code", async (ctx) => {
      const half = await ctx.run(
        "copy",
        (step) =>
          new Promise<string>((resolve) => {
            step.signal.addEventListener("abort", () => resolve("half"));
          }),
        { undo: (_, copied: string) => void log.push(`undo ${copied}`) },
      );
      log.push(`has ${half}`);
      await ctx.run("next", () => void log.push("next"));
    });
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().still();
    await run.cancel();
    await time().until(refusal(run.result()));
    expect(log.filter((line) => !line.startsWith("has"))).toEqual(["undo half"]);
  });
});

onStores("a cancelled run whose host dies in the grace", (scene) => {
  it("ends at its next host, without waiting for steps that are gone", async () => {
    const flow = graph("orphan", { cancelGrace: "1h" }).step("only", never).build();
    const dead = await scene().open({ workflows: [flow], stopGrace: 0 });
    const run = await dead.start(flow, undefined, { id: "orphan" });
    await until("it runs", async () => (await run.get()).steps[0]?.status === "running");
    await run.cancel();
    await until("it is told", async () => (await run.get()).status === "cancelling");
    await scene().close(dead);
    const next = await scene().open({ workflows: [flow] });
    const failure = await refusal(next.result("orphan", { timeoutMs: 25_000 }));
    expect(failure).toMatchObject({ code: "E_RUN_CANCELLED" });
    expect((await scene().log("orphan")).at(-1)?.type).toBe("run.cancelled");
  });
});
