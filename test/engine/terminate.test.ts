/**
 * Termination: a run ends at once, wherever it is, whether or not anybody could go on with it; nothing of
 * it is undone, and nothing of it is written any more.
 */
import { expect, it } from "vitest";
import { graph, isMillraceError, workflow } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import { ALL_STORES, only, onStores, outline, type Scene, sleep, until } from "./kit/scene.ts";

const never = (): Promise<never> => new Promise(() => undefined);
const ENDS = new Set(["run.completed", "run.failed", "run.cancelled", "run.terminated"]);

/** It has ended by that, once, and everything that had begun has ended too. */
async function expectTerminated(scene: Scene, run: string): Promise<void> {
  const events = await scene.log(run);
  expect(events.filter(({ type }) => ENDS.has(type)).map(({ type }) => type)).toEqual([
    "run.terminated",
  ]);
  expect(events.at(-1)?.type).toBe("run.terminated");
}

onStores(
  "a run is terminated",
  (scene) => {
    it("while its steps run: they are stopped, nothing is undone", async () => {
      const undone: unknown[] = [];
      const reasons: unknown[] = [];
      const flow = graph("busy")
        .step("first", { undo: () => void undone.push("first") }, () => 1)
        .step("only", { needs: ["first"] }, (ctx) => {
          ctx.signal.addEventListener("abort", () => reasons.push(ctx.signal.reason));
          return never();
        })
        .build();
      const [host, other] = [await scene().open({ workflows: [flow] }), await scene().open()];
      const run = await host.start(flow);
      await until("it runs", async () => (await run.get()).steps[1]?.status === "running");
      await other.terminate(run.id, { by: "Ada", reason: "stuck" });
      expect(await other.get(run.id)).toMatchObject({
        status: "terminated",
        cancelledBy: "Ada",
        cancelReason: "stuck",
        steps: [{ status: "completed" }, { status: "cancelled" }],
      });
      await expect(run.result()).rejects.toMatchObject({ code: "E_RUN_TERMINATED" });
      await until("its step is stopped", () => reasons.length === 1);
      await until("its host lets go", () => host.hosted === 0);
      expect(undone).toEqual([]);
      await expectTerminated(scene(), run.id);
      const [refused] = await Promise.allSettled([other.terminate(run.id)]);
      expect(refused).toMatchObject({ reason: { code: "E_COMMAND_REFUSED" } });
    });

    it("while an undo of it hangs", async () => {
      const flow = workflow("hanging", async (ctx) => {
        await ctx.run("book", () => 1, { undo: never });
        throw new Error("no");
      });
      const millrace = await scene().open({ workflows: [flow] });
      const run = await millrace.start(flow);
      await until("it is undone", async () => (await run.get()).status === "compensating");
      await run.terminate();
      await expect(run.result()).rejects.toMatchObject({ code: "E_RUN_TERMINATED" });
      await until("its host lets go", () => millrace.hosted === 0);
      await expectTerminated(scene(), run.id);
    });

    it("with nobody there: before it was claimed, and while it is parked", async () => {
      const flow = workflow("waiting", (ctx) => ctx.waitFor("word"));
      const first = await scene().open({ workflows: [flow], parkAfter: 1 });
      const parked = await first.start(flow);
      await until("it is parked", async () => (await parked.get()).status === "parked");
      await scene().close(first);
      const client = await scene().open({ workflows: [flow], worker: false });
      const pending = await client.start(flow);
      for (const { id } of [parked, pending]) {
        await client.terminate(id);
        await expectTerminated(scene(), id);
      }
      const next = await scene().open({ workflows: [flow], sweepEvery: 20 });
      await sleep(50);
      expect(next.hosted).toBe(0);
    });

    it("at any moment of its life, or has ended before", async () => {
      const flow = workflow("five", async (ctx) => {
        for (let nth = 0; nth < 5; nth++) await ctx.run("step", () => sleep(nth % 2));
        return "done";
      });
      const millrace = await scene().open({ workflows: [flow] });
      for (let nth = 0; nth < 12; nth++) {
        const run = await millrace.start(flow);
        await sleep(nth);
        const refused = await run.terminate().catch((error: unknown) => error);
        const outcome = await run.result({ timeoutMs: 25_000 }).catch((error: unknown) => error);
        if (outcome === "done") {
          expect(isMillraceError(refused, "E_COMMAND_REFUSED")).toBe(true);
          continue;
        }
        expect(refused).toBeUndefined();
        expect(isMillraceError(outcome, "E_RUN_TERMINATED")).toBe(true);
        await expectTerminated(scene(), run.id);
      }
    });
  },
  ALL_STORES,
);

onStores("a run that is cancelled and terminated at once", (scene) => {
  it("ends once, by one of the two", async () => {
    const flow = graph("contested").step("only", never).build();
    const millrace = await scene().open({ workflows: [flow] });
    for (let nth = 0; nth < 10; nth++) {
      const run = await millrace.start(flow);
      const begun = deferred<void>();
      void until("it runs", async () => (await run.get()).steps[0]?.status === "running").then(
        begun.resolve,
      );
      await begun.promise;
      await Promise.allSettled([run.cancel({ grace: 0 }), run.terminate()]);
      await run.result().catch(() => undefined);
      const ends = outline(await scene().log(run.id)).filter((type) => ENDS.has(type));
      expect(ends).toHaveLength(1);
      expect(only(await scene().log(run.id), "step.cancelled")).toHaveLength(1);
    }
  });
});
