/** Doing a part of a run again, and what two runs have differently. */
import { expect, it } from "vitest";
import { graph, workflow } from "../../src/index.ts";
import { only, onStores, outline, refusal } from "../engine/kit/scene.ts";

const scanned: string[] = [];
let broken = true;

const scan = graph<string>("scan")
  .step("read", (ctx, text) => {
    scanned.push(ctx.step);
    return text;
  })
  .step("left", { needs: ["read"] }, (ctx, { read }) => {
    scanned.push(ctx.step);
    return read.slice(0, 1);
  })
  .step("right", { needs: ["read"], retry: { maxAttempts: 1 } }, (ctx, { read }) => {
    scanned.push(ctx.step);
    if (broken) throw new Error("torn");
    return read.slice(1);
  })
  .step("join", { needs: ["left", "right"] }, (ctx, { left, right }) => {
    scanned.push(ctx.step);
    return `${left}|${right}`;
  })
  .build();

const convert = workflow("convert", async (ctx, text: string) => {
  const upper = await ctx.run("upper", (step) => {
    scanned.push(step.step);
    return text.toUpperCase();
  });
  return ctx.run(
    "store",
    (step) => {
      scanned.push(step.step);
      if (broken) throw new Error("full");
      return `stored ${upper}`;
    },
    { retry: { maxAttempts: 1 } },
  );
});

onStores("a rerun", (scene) => {
  it.each([
    ["a graph", scan, "a|bc", "read", ["right", "join"]],
    ["code", convert, "stored ABC", "upper", ["store"]],
  ])(
    "of a failed run of %s does what failed, and what needs it",
    async (_, flow, result, kept, again) => {
      broken = true;
      const millrace = await scene().open({ workflows: [flow] });
      const failed = await millrace.start(flow.name, "abc");
      expect(await refusal(failed.result())).toMatchObject({ code: "E_RUN_FAILED" });
      broken = false;
      scanned.length = 0;
      const rerun = await millrace.rerun(failed.id);
      expect(await rerun.result()).toBe(result);
      // A step beside the one that failed may have been stopped by that.
      expect(scanned).toEqual(expect.arrayContaining(again));
      expect(scanned).not.toContain(kept);
      expect((await millrace.get(failed.id)).status).toBe("failed");
    },
  );

  it("from a step does it and what needs it again, and keeps what does not", async () => {
    broken = false;
    const millrace = await scene().open({ workflows: [scan, convert] });
    const run = await millrace.start(scan, "xyz");
    await run.result();
    scanned.length = 0;
    const rerun = await millrace.rerun(run.id, { from: "left" });
    expect(await rerun.result()).toBe("x|yz");
    expect(scanned).toEqual(["left", "join"]);
    const view = await rerun.get();
    expect(view.forkOf?.run).toBe(run.id);
    expect(view.steps.map(({ step, status }) => `${step} ${status}`)).toEqual([
      "read completed",
      "left completed",
      "right completed",
      "join completed",
    ]);
    const outputs = await millrace.stores.stepRuns.completedSteps(rerun.id);
    expect(outputs.toSorted()).toEqual(["join", "left", "read", "right"]);
    const unknown = await refusal(millrace.rerun(run.id, { from: "nothing" }));
    expect(unknown).toMatchObject({ code: "E_OPTION_INVALID" });
  });

  it("of a run that goes on is a second one from where it is", async () => {
    const millrace = await scene().open({ workflows: [waiting] });
    const run = await millrace.start(waiting);
    for await (const event of run.events()) if (event.type === "wait.opened") break;
    const rerun = await millrace.rerun(run.id);
    await rerun.signal("go", "second");
    await run.signal("go", "first");
    expect([await run.result(), await rerun.result()]).toEqual(["first", "second"]);
    expect(only(await scene().log(rerun.id), "step.started")).toEqual([]);
  });

  it("compared with its run shows what is different, and nothing else", async () => {
    broken = true;
    const millrace = await scene().open({ workflows: [scan] });
    const failed = await millrace.start(scan, "abc");
    await refusal(failed.result());
    broken = false;
    const rerun = await millrace.rerun(failed.id);
    await rerun.result();
    const { common, events } = await millrace.compare(failed.id, rerun.id);
    expect(common?.run).toBe(failed.id);
    expect(common?.seq).toBe((await millrace.get(rerun.id)).forkOf?.seq);
    const ends = events.filter(({ left, right }) =>
      /run\.(failed|completed)/.test(`${left?.type}${right?.type}`),
    );
    expect(ends.map(({ left, right }) => [left?.type, right?.type])).toEqual(
      expect.arrayContaining([
        ["run.failed", undefined],
        [undefined, "run.completed"],
      ]),
    );
    const left = events.flatMap((row) => row.left ?? []);
    const right = events.flatMap((row) => row.right ?? []);
    expect(outline(right)).toEqual(outline(await scene().log(rerun.id)));
    expect(left.map(({ seq }) => seq)).toEqual(
      (await scene().log(failed.id))
        .map(({ seq }) => seq)
        .filter((seq) => seq > (common?.seq ?? 0)),
    );
    expect((await millrace.compare(failed.id, failed.id)).events).toEqual([]);
  });

  it("runs of one workflow that are not related are compared from their beginning", async () => {
    broken = false;
    const millrace = await scene().open({ workflows: [convert] });
    const [one, other] = [await millrace.start(convert, "a"), await millrace.start(convert, "b")];
    await Promise.all([one.result(), other.result()]);
    const { common, events } = await millrace.compare(one.id, other.id);
    expect(common).toBeNull();
    const different = events.filter(({ same }) => !same).map(({ left }) => left?.type);
    expect(different).toEqual(["run.created", "step.completed", "step.completed", "run.completed"]);
  });
});

const waiting = workflow("waiting", async (ctx) => {
  await ctx.run("before", () => "done");
  return ctx.waitFor("go");
});
