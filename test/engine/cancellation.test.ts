/**
 * Cancellation: whenever it comes, the run ends once, as cancelled; what runs is asked to stop, and
 * nothing begins afterwards.
 */
import { expect, it } from "vitest";
import { graph, isMillraceError, type Millrace, MillraceError, workflow } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import {
  ALL_STORES,
  only,
  onStores,
  onVirtualTime,
  outline,
  refusal,
  type Scene,
  sleep,
  until,
} from "./kit/scene.ts";

const never = (): Promise<never> => new Promise(() => undefined);

/** The run ended as cancelled, once, and nothing began after the cancellation. */
async function expectCancelled(scene: Scene, run: string): Promise<void> {
  const events = await scene.log(run);
  expect(events.at(-1)?.type).toBe("run.cancelled");
  const lines = outline(events);
  const cancelled = lines.indexOf("run.cancelling");
  expect(lines.slice(cancelled).filter((line) => /started|scheduled|mapped/.test(line))).toEqual(
    [],
  );
}

const cancelledBy = async (millrace: Millrace, run: string): Promise<MillraceError> =>
  (await refusal(millrace.result(run, { timeoutMs: 25_000 }))) as MillraceError;

onStores(
  "a run is cancelled",
  (scene) => {
    it("while its steps run: each is told by its signal", async () => {
      const reasons: unknown[] = [];
      const running = deferred<void>();
      const flow = graph("busy", { cancelGrace: 20 })
        .step("list", () => [1, 2, 3])
        .map("work", { over: "list" }, (ctx, item) => {
          ctx.signal.addEventListener("abort", () => reasons.push(ctx.signal.reason));
          if (item === 3) running.resolve();
          return never();
        })
        .step("after", { needs: ["work"] }, () => "never")
        .build();
      const millrace = await scene().open({ workflows: [flow] });
      const run = await millrace.start(flow);
      await running.promise;
      await run.cancel({ reason: "no longer wanted", by: "somebody" });
      expect((await cancelledBy(millrace, run.id)).code).toBe("E_RUN_CANCELLED");
      await expectCancelled(scene(), run.id);
      await until("all were told", () => reasons.length === 3);
      for (const reason of reasons) expect(reason).toBeInstanceOf(MillraceError);
      const [cancelling] = only(await scene().log(run.id), "run.cancelling");
      expect(cancelling).toMatchObject({ by: "somebody", reason: "no longer wanted" });
      const view = await run.get();
      expect(view.status).toBe("cancelled");
      expect(view.steps.map(({ status }) => status)).toEqual([
        "completed",
        ...Array(4).fill("cancelled"),
        "waiting",
      ]);
    });

    it("while a step waits for its next attempt", async () => {
      const flow = graph("backing-off")
        .step("only", { retry: { initial: "1h" } }, () => Promise.reject(new Error("again")))
        .build();
      const millrace = await scene().open({ workflows: [flow], parkAfter: "2h" });
      const run = await millrace.start(flow);
      await until("it waits", async () => (await run.get()).steps[0]?.status === "retrying");
      await run.cancel();
      await cancelledBy(millrace, run.id);
      await expectCancelled(scene(), run.id);
    });

    it("while it is parked", async () => {
      const flow = workflow("waiting", (ctx) => ctx.waitFor("word"));
      const millrace = await scene().open({ workflows: [flow], parkAfter: 1 });
      const run = await millrace.start(flow);
      await until("it is parked", async () => (await run.get()).status === "parked");
      await run.cancel();
      await cancelledBy(millrace, run.id);
      await expectCancelled(scene(), run.id);
    });

    it("before anybody has claimed it", async () => {
      const flow = graph("unclaimed", { cancelGrace: 20 }).step("only", never).build();
      const client = await scene().open({ workflows: [flow], worker: false });
      const run = await client.start(flow);
      await run.cancel();
      await scene().open({ workflows: [flow] });
      await cancelledBy(client, run.id);
      await expectCancelled(scene(), run.id);
    });

    it("by many at once", async () => {
      const flow = graph("popular", { cancelGrace: 20 }).step("only", never).build();
      const [one, other] = [await scene().open({ workflows: [flow] }), await scene().open()];
      const run = await one.start(flow);
      await until("it runs", async () => (await run.get()).steps[0]?.status === "running");
      const cancelling = [one, other].flatMap((from) =>
        Array.from({ length: 20 }, () => from.cancel(run.id).catch((error: unknown) => error)),
      );
      for (const answer of await Promise.all(cancelling)) {
        if (answer !== undefined) expect(isMillraceError(answer, "E_COMMAND_REFUSED")).toBe(true);
      }
      await cancelledBy(one, run.id);
      await expectCancelled(scene(), run.id);
    });

    it("at any moment of its life, again and again", async () => {
      const flow = workflow("ten", async (ctx) => {
        for (let nth = 0; nth < 10; nth++) await ctx.run("step", () => sleep(nth % 2));
        return "done";
      });
      const millrace = await scene().open({ workflows: [flow] });
      for (let nth = 0; nth < 20; nth++) {
        const run = await millrace.start(flow);
        await sleep(nth);
        const refused = await run.cancel().catch((error: unknown) => error);
        const outcome = await run.result({ timeoutMs: 25_000 }).catch((error: unknown) => error);
        if (outcome === "done") continue;
        expect(refused).toBeUndefined();
        expect(isMillraceError(outcome, "E_RUN_CANCELLED")).toBe(true);
        await expectCancelled(scene(), run.id);
      }
    });

    it("not when it has ended", async () => {
      const flow = graph("short")
        .step("only", () => 1)
        .build();
      const millrace = await scene().open({ workflows: [flow] });
      const run = await millrace.start(flow);
      await run.result();
      expect(isMillraceError(await refusal(run.cancel()), "E_COMMAND_REFUSED")).toBe(true);
      expect((await scene().log(run.id)).at(-1)?.type).toBe("run.completed");
    });
  },
  ALL_STORES,
);

onVirtualTime("a cancelled run", (scene, time) => {
  it("does not wake up for the timers it had", async () => {
    const flow = workflow("sleeping", async (ctx) => {
      await ctx.sleep("long", "1h");
      return ctx.run("after", () => "never");
    });
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().pass(5_000);
    expect((await run.get()).status).toBe("parked");
    await run.cancel();
    await time().until(refusal(run.result()));
    const ended = (await scene().log(run.id)).length;
    await time().pass(7_200_000);
    expect((await scene().log(run.id)).length).toBe(ended);
  });

  it("takes no result of a step that does not stop", async () => {
    const held = deferred<string>();
    const flow = graph("stubborn")
      .step("only", () => held.promise)
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().still();
    await run.cancel();
    await time().until(refusal(run.result()));
    held.resolve("too late");
    await time().pass(60_000);
    expect(outline(await scene().log(run.id)).at(-1)).toBe("run.cancelled");
  });
});
