/**
 * The acceptance tests of mlua-swarm that are about its replay store, its runs and its traces, by number
 * (docs/seeds.md): here all of them are the log. Those about outputs are in output-store.test.ts.
 */
import { expect, it } from "vitest";
import { graph, workflow } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import { ALL_STORES, only, onStores, outline, refusal } from "../engine/kit/scene.ts";

const worked: string[] = [];
const work = (key: string): string => {
  worked.push(key);
  return key;
};

onStores(
  "mlua-swarm",
  (scene) => {
    it("12: results are kept by run, step and occurrence; cut off behind two, three are made again", async () => {
      const five = workflow("five", async (ctx, word: string) => {
        const made: string[] = [];
        for (let nth = 0; nth < 5; nth++)
          made.push(await ctx.run("make", ({ step }) => work(`${word} ${step}`)));
        return made;
      });
      const millrace = await scene().open({ workflows: [five] });
      const [run, bystander] = [await millrace.start(five, "a"), await millrace.start(five, "b")];
      const result = await run.result();
      expect(result).toEqual(["a make", "a make#2", "a make#3", "a make#4", "a make#5"]);
      await bystander.result();
      const events = await scene().log(run.id);
      const others = outline(await scene().log(bystander.id));
      const completions = only(events, "step.completed");
      expect(new Set(completions.map(({ step }) => step)).size).toBe(5);
      worked.length = 0;
      const cut = await millrace.fork(run.id, { seq: completions[1]?.seq ?? 0 });
      expect(await cut.result()).toEqual(result);
      expect(worked).toEqual(["a make#3", "a make#4", "a make#5"]);
      const whole = await millrace.fork(run.id, { seq: events.at(-1)?.seq ?? 0 });
      expect(await whole.result()).toEqual(result);
      expect(worked).toHaveLength(3);
      expect(outline(await scene().log(bystander.id))).toEqual(others);
      expect(outline(await scene().log(run.id))).toEqual(outline(events));
    });

    it("13: an interrupted run goes on under its id, and what had passed is not executed again", async () => {
      const gate = deferred<void>();
      const flow = workflow("interrupted", async (ctx) => {
        await ctx.run("first", () => work("first"));
        await ctx.run("second", () => gate.promise);
        return ctx.run("third", () => work("third"));
      });
      const millrace = await scene().open({ workflows: [flow] });
      expect(await refusal(millrace.resume("nothing"))).toMatchObject({ code: "E_RUN_NOT_FOUND" });
      worked.length = 0;
      const run = await millrace.start(flow);
      for await (const event of run.events())
        if (event.type === "step.started" && event.step === "second") break;
      await run.pause({ reason: "interrupted" });
      gate.resolve();
      for await (const event of run.events()) if (event.type === "run.paused") break;
      await scene().close(millrace);
      const other = await scene().open({ workflows: [flow] });
      await other.resume(run.id);
      expect(await other.result(run.id)).toBe("third");
      expect(worked).toEqual(["first", "third"]);
      expect(await refusal(other.resume(run.id))).toMatchObject({ code: "E_COMMAND_REFUSED" });
      expect(await refusal(other.start("unknown"))).toMatchObject({ code: "E_WORKFLOW_UNKNOWN" });
    });

    it("14: a rerun that cannot begin leaves the run and the log as they were", async () => {
      const flow = graph("once")
        .step("only", () => work("only"))
        .build();
      const wrong = workflow("once", () => "code");
      const millrace = await scene().open({ workflows: [flow] });
      const run = await millrace.start(flow);
      await run.result();
      const before = outline(await scene().log());
      const view = await run.get();
      expect(await refusal(millrace.rerun(run.id, { workflow: wrong }))).toMatchObject({
        code: "E_OPTION_INVALID",
      });
      expect(await refusal(millrace.rerun(run.id, { from: "none" }))).toMatchObject({
        code: "E_OPTION_INVALID",
      });
      expect(outline(await scene().log())).toEqual(before);
      expect(await run.get()).toEqual(view);
    });

    it("15: of any number of transitions at once, one wins", async () => {
      const [one, other] = [await scene().open(), await scene().open()];
      await one.stores.checkpoints.createRun("raced", "by-hand");
      const outcomes = await Promise.allSettled(
        [one, other, one, other].flatMap(({ stores: { checkpoints } }, nth) => [
          checkpoints.updateRunStatus("raced", "completed", { output: nth }),
          checkpoints.updateRunStatus("raced", "failed", { error: `${nth}` }),
        ]),
      );
      const events = await scene().log("raced");
      const ends = events.filter(({ type }) => type === "run.completed" || type === "run.failed");
      expect(ends).toHaveLength(1);
      const lost = outcomes.filter(({ status }) => status === "rejected");
      expect(lost.length).toBeGreaterThanOrEqual(4);
      const { status } = (await other.stores.checkpoints.getRun("raced")) ?? {};
      expect(`run.${status}`).toBe(ends[0]?.type);
    });

    it("16: every claim of a run has a higher epoch, and who holds an old one changes nothing", async () => {
      const flow = workflow("seat", async (ctx) => [
        await ctx.waitFor("a"),
        await ctx.waitFor("b"),
      ]);
      const millrace = await scene().open({ workflows: [flow], node: "operator", parkAfter: 1 });
      const run = await millrace.start(flow);
      for await (const event of run.events()) if (event.type === "run.parked") break;
      const [seat] = only(await scene().log(run.id), "run.claimed");
      await run.signal("a", 1);
      for await (const event of run.events())
        if (event.type === "run.claimed" && event.epoch === 2) break;
      await millrace.store.queue.reclaim(seat?.lease ?? "");
      await run.signal("b", 2);
      expect(await run.result()).toEqual([1, 2]);
      const claims = only(await scene().log(run.id), "run.claimed");
      expect(new Set(claims.map(({ node }) => node))).toEqual(new Set(["operator"]));
      expect(claims.map(({ epoch }) => epoch)).toEqual(claims.map((_, nth) => nth + 1));
    });

    it("18: a page begins behind what was asked for, and no number comes twice, also after a deletion", async () => {
      const millrace = await scene().open();
      const { checkpoints } = millrace.stores;
      await checkpoints.createRun("traced", "by-hand");
      for (let nth = 1; nth <= 5; nth++)
        await checkpoints.appendEvent("traced", { type: "turn", payload: nth });
      const page = await checkpoints.getEvents("traced", 2, 2);
      expect(page.map(({ seq, payload }) => [seq, payload])).toEqual([
        [3, 3],
        [4, 4],
      ]);
      expect(await checkpoints.getEvents("traced", 5)).toEqual([]);
      const last = (await scene().log("traced")).at(-1)?.position ?? 0;
      await checkpoints.deleteRun("traced");
      await checkpoints.createRun("traced", "by-hand");
      await checkpoints.appendEvent("traced", { type: "turn", payload: "new" });
      const positions = (await scene().log("traced")).map(({ position }) => position);
      expect(Math.min(...positions)).toBeGreaterThan(last);
      expect(await checkpoints.getEvents("traced", 0)).toMatchObject([{ payload: "new" }]);
    });
  },
  ALL_STORES,
);
