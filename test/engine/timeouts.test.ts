/**
 * Timeouts: each ends its attempt at its moment, asks the code to stop by its signal, and what the code
 * still returns is not looked at.
 */
import { expect, it } from "vitest";
import { graph, isMillraceError, MillraceError, type PolicyOptions } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import type { StepContext } from "../../src/workflow/step-context.ts";
import { only, onStores, onVirtualTime, refusal } from "./kit/scene.ts";

const step = (policy: PolicyOptions, run: (ctx: StepContext) => unknown) =>
  graph("timed").step("only", policy, run).build();

const never = (): Promise<never> => new Promise(() => undefined);

onVirtualTime("a timeout", (scene, time) => {
  it("ends an attempt that does not end within startToClose, and the next may succeed", async () => {
    const flow = step({ startToClose: "10s", retry: { initial: "1s", jitter: 0 } }, (ctx) =>
      ctx.attempt === 1 ? never() : "second",
    );
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    expect(await time().until(run.result())).toBe("second");
    const events = await scene().log(run.id);
    const [first, second] = only(events, "step.started");
    const [retrying] = only(events, "step.retrying");
    expect(retrying?.error.code).toBe("E_STEP_TIMEOUT");
    expect(retrying?.at).toBe((first?.at ?? 0) + 10_000);
    expect(first?.endBy).toBe((first?.at ?? 0) + 10_000);
    expect(second?.at).toBe((first?.at ?? 0) + 11_000);
  });

  it("fires the signal with the error that says why", async () => {
    const reasons: unknown[] = [];
    const flow = step({ startToClose: "1s", retry: { maxAttempts: 1 } }, (ctx) => {
      ctx.signal.addEventListener("abort", () => reasons.push(ctx.signal.reason));
      return never();
    });
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().until(refusal(run.result()));
    expect(reasons).toHaveLength(1);
    expect(isMillraceError(reasons[0], "E_STEP_TIMEOUT")).toBe(true);
  });

  it("is not undone by a late result, nor by a late error", async () => {
    const late = [deferred<string>(), deferred<string>()];
    const flow = step({ startToClose: "1s", retry: { initial: 0, maxAttempts: 3 } }, (ctx) => {
      const waiting = late[ctx.attempt - 1];
      return waiting === undefined ? "third" : waiting.promise;
    });
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().pass(1_500);
    late[0]?.resolve("too late");
    await time().pass(1_000);
    late[1]?.reject(new Error("too late as well"));
    expect(await time().until(run.result())).toBe("third");
    expect(only(await scene().log(run.id), "anomaly.recorded")).toEqual([]);
  });

  it("ends an attempt whose heart stops, and leaves alone one that goes on beating", async () => {
    const flow = step({ heartbeat: "2s", retry: { initial: 0 } }, async (ctx) => {
      if (ctx.attempt === 1) return never();
      for (let beat = 0; beat < 10; beat++) {
        await new Promise<void>((resolve) => time().after(1_500, resolve));
        ctx.heartbeat({ beat });
      }
      return "alive";
    });
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    expect(await time().until(run.result())).toBe("alive");
    const retries = only(await scene().log(run.id), "step.retrying");
    expect(retries.map(({ error }) => error.code)).toEqual(["E_STEP_TIMEOUT"]);
    expect(retries[0]?.error.message).toContain("no heartbeat for 2000 ms");
  });

  it("is not set again by a heartbeat after the attempt has ended", async () => {
    const kept: StepContext[] = [];
    const flow = step({ heartbeat: "2s" }, (ctx) => {
      kept.push(ctx);
      return "done";
    });
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().until(run.result());
    const [ctx] = kept;
    ctx?.heartbeat();
    await time().pass(60_000);
    expect(ctx?.signal.aborted && isMillraceError(ctx.signal.reason, "E_STEP_TIMEOUT")).toBe(false);
  });

  it("fails a step that does not begin within scheduleToStart", async () => {
    const slow = graph("slow").step("busy", never).build();
    const flow = step({ scheduleToStart: "5s" }, () => "never begun");
    const millrace = await scene().open({ workflows: [slow, flow], worker: { steps: 1 } });
    await millrace.start(slow, undefined, { id: "slow" });
    await time().still();
    const run = await millrace.start(flow);
    const error = (await time().until(refusal(run.result()))) as MillraceError;
    expect(error.message).toContain("did not begin within");
    const events = await scene().log(run.id);
    expect(only(events, "step.started")).toEqual([]);
    const [scheduled] = only(events, "step.scheduled");
    expect(only(events, "step.failed")[0]?.at).toBe((scheduled?.at ?? 0) + 5_000);
  });

  it("of schedule-to-start counts once, not for the attempts after the first", async () => {
    const flow = step(
      { scheduleToStart: "5s", retry: { initial: "1m", jitter: 0, max: "1m" } },
      (ctx) => {
        if (ctx.attempt === 1) throw new Error("again");
        return "second";
      },
    );
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    expect(await time().until(run.result())).toBe("second");
  });

  it("longer than a timer of Node can count does not fire early", async () => {
    const held = deferred<string>();
    const flow = step({ startToClose: "60d", heartbeat: "40d" }, () => held.promise);
    const millrace = await scene().open({ workflows: [flow], leaseMs: 86_400_000 });
    const run = await millrace.start(flow);
    await time().still();
    held.resolve("in time");
    expect(await time().until(run.result())).toBe("in time");
  });
});

onStores("a step in its last moment", (scene) => {
  it("frees its slot when it times out, though its code goes on", async () => {
    const flow = step({ startToClose: 20, retry: { maxAttempts: 1 } }, never);
    const next = graph("next")
      .step("only", () => "ran")
      .build();
    const millrace = await scene().open({ workflows: [flow, next], worker: { steps: 1 } });
    const stuck = await millrace.start(flow);
    await refusal(stuck.result());
    const run = await millrace.start(next);
    expect(await run.result()).toBe("ran");
  });

  it("records nothing more once its attempt is over", async () => {
    const refused = deferred<unknown>();
    const flow = step({ startToClose: 20, retry: { initial: 0 } }, async (ctx) => {
      if (ctx.attempt > 1) return "second";
      await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
      ctx.note("late", 1).then(refused.resolve, refused.resolve);
      return "first";
    });
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    expect(await run.result()).toBe("second");
    expect(isMillraceError(await refused.promise, "E_CTX_CLOSED")).toBe(true);
    expect(only(await scene().log(run.id), "user.noted")).toEqual([]);
    expect(await refused.promise).toBeInstanceOf(MillraceError);
  });
});
