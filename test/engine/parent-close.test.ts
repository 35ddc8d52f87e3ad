/** What becomes of open child runs when their parent ends: as their policies say, whatever ends it. */
import { expect, it } from "vitest";
import type { OnParentClose } from "../../machines/child-data.ts";
import { type Millrace, TerminalError, workflow } from "../../src/index.ts";
import { only, onStores, onVirtualTime, refusal, until } from "./kit/scene.ts";

const waiting = workflow("waiting", async (ctx) => ctx.waitFor<string>("word"));
const POLICIES: readonly OnParentClose[] = ["cancel", "abandon", "wait"];

type Ending = "completes" | "fails" | "is cancelled" | "is late" | "is terminated";

/** A parent with a child of each policy, which ends when it gets a signal. */
const parent = workflow("parent", { timeout: "1h" }, async (ctx, ending: Ending) => {
  for (const onParentClose of POLICIES) {
    ctx.startChild(onParentClose, waiting, undefined, { onParentClose, id: onParentClose });
  }
  await ctx.waitFor("end");
  if (ending === "fails") throw new TerminalError("as asked");
  return "done";
});

const statusesOf = async (millrace: Millrace): Promise<Record<string, string>> => {
  const runs = await millrace.list({ workflow: "waiting" });
  return Object.fromEntries(runs.map(({ run, status }) => [run, status]));
};

const ENDINGS: readonly Ending[] = ["completes", "fails", "is cancelled"];

onStores("open children of a parent", (scene) => {
  it.each(ENDINGS)("that %s are let go of as their policies say", async (ending) => {
    const millrace = await scene().open({ workflows: [parent, waiting] });
    const run = await millrace.start(parent, ending, { id: "p" });
    await until("all are there", async () => (await millrace.list()).length === 4);
    if (ending === "is cancelled") await run.cancel();
    else await run.signal("end");
    await until(
      "one is cancelled",
      async () => (await statusesOf(millrace))["cancel"] === "cancelled",
    );
    // It does not end before the one that it is to wait for.
    expect((await run.get()).endedAt).toBe(null);
    expect((await run.explain()).waits).toContainEqual(
      expect.objectContaining({ kind: "child", step: "wait" }),
    );
    await millrace.signal("wait", "word", "on");
    await run.result().catch(() => undefined);
    const ends = { completes: "completed", fails: "failed", "is cancelled": "cancelled" } as const;
    const expected = ends[ending as keyof typeof ends];
    expect((await run.get()).status).toBe(expected);
    expect(["parked", "running"]).toContain((await statusesOf(millrace))["abandon"]);
    await millrace.signal("abandon", "word", "free");
    expect(await millrace.result("abandon")).toBe("free");
  });

  it("that is cancelled by its own parent are cancelled in turn", async () => {
    const middle = workflow("middle", async (ctx) => ctx.child("inner", waiting));
    const outer = workflow("outer", async (ctx) => ctx.child("middle", middle));
    const millrace = await scene().open({ workflows: [outer, middle, waiting] });
    const run = await millrace.start(outer);
    await until("all are there", async () => (await millrace.list()).length === 3);
    await run.cancel();
    await refusal(run.result());
    await until("all are cancelled", async () =>
      (await millrace.list()).every(({ status }) => status === "cancelled"),
    );
  });

  it("that is cancelled just when they complete: either, once, and both logs agree", async () => {
    const quick = workflow("quick", async (ctx) => ctx.run("work", () => 1));
    const flow = workflow("flow", async (ctx) => {
      let sum = 0;
      for (let nth = 0; nth < 5; nth++) sum += await ctx.child("one", quick);
      return sum;
    });
    const millrace = await scene().open({ workflows: [flow, quick] });
    for (let nth = 0; nth < 15; nth++) {
      const run = await millrace.start(flow, undefined, { id: `f${nth}` });
      await new Promise((resolve) => setImmediate(resolve));
      for (let turn = 0; turn < nth * 3; turn++) await millrace.store.log.head();
      await run.cancel().catch(() => undefined);
      await run.result().catch(() => undefined);
      const log = await scene().log(run.id);
      const ends = only(log, "step.completed").length + only(log, "step.cancelled").length;
      expect(ends).toBe(only(log, "child.requested").length);
    }
    await until("nothing is left", async () =>
      (await millrace.list({ limit: 1_000 })).every(({ endedAt }) => endedAt !== null),
    );
  });
});

onVirtualTime("open children of a parent", (scene, time) => {
  it("that is late are let go of as their policies say", async () => {
    const millrace = await scene().open({ workflows: [parent, waiting] });
    const run = await millrace.start(parent, "is late");
    await time().pass(3_605_000);
    expect(await statusesOf(millrace)).toMatchObject({ cancel: "cancelled", wait: "parked" });
    await millrace.signal("wait", "word", "on");
    await time().until(refusal(run.result()));
    expect((await run.get()).error?.code).toBe("E_TIMEOUT");
  });
});
