/** Forks of forks, and of runs whose workflow was not known where they were begun. */
import { expect, it } from "vitest";
import { graph, workflow } from "../../src/index.ts";
import { onStores, refusal, until } from "../engine/kit/scene.ts";

const letter = workflow("letter", async (ctx, to: string) => {
  const text = await ctx.run("write", () => "dear");
  const checked = await ctx.run("check", () => "fine");
  const stamp = await ctx.run("stamp", () => "paid");
  return `${text} ${to}: ${checked}, ${stamp}`;
});

const sum = graph<{ of: number }>("sum")
  .step("one", (_ctx, { of }) => of)
  .build();

onStores("a fork of a fork", (scene) => {
  it("finds what was done in the run that both go back to", async () => {
    const millrace = await scene().open({ workflows: [letter] });
    const run = await millrace.start(letter, "ada");
    await run.result();
    const fork = await millrace.fork(run.id, { results: { stamp: "free" } });
    await fork.result();
    const again = await millrace.fork(fork.id, { seq: 1 });
    await again.result();
    const third = await millrace.fork(again.id, { results: { check: "wrong" } });
    expect(await third.result()).toBe("dear ada: wrong, paid");
  });

  it("has the input and the labels of the fork, wherever it branches off", async () => {
    const millrace = await scene().open({ workflows: [letter] });
    const run = await millrace.start(letter, "ada");
    await run.result();
    const { seq } = await run.get();
    const changed = { seq, input: "bob", labels: { to: "bob" } };
    const fork = await millrace.fork(run.id, changed);
    expect(await fork.result()).toBe("dear bob: fine, paid");
    const again = await millrace.fork(fork.id, { results: { check: "wrong" } });
    expect(await again.result()).toBe("dear bob: wrong, paid");
    expect((await again.get()).labels).toEqual({ to: "bob" });
  });
});

const asking = workflow("asking", (ctx) => ctx.child("ask", "sum", { of: 2 }));

onStores("a fork of a run whose workflow its parent did not have", (scene) => {
  it("may branch off before anybody had it", async () => {
    const bare = await scene().open({ workflows: [asking] });
    const parent = await bare.start(asking);
    await until("its child exists", async () => (await bare.list()).length === 2);
    const child = (await bare.search({ parent: parent.id })).runs[0]?.run ?? "";
    const early = await bare.fork(child, { seq: 1, input: { of: 3 } });
    const hosting = await scene().open({ workflows: [sum] });
    expect(await parent.result()).toBe(2);
    const late = await hosting.fork(child, { seq: 1, input: { of: 4 } });
    expect([await early.result(), await late.result()]).toEqual([3, 4]);
  });
});

onStores("a rerun of code", (scene) => {
  it("asks again for a child run that failed", async () => {
    let broken = true;
    const child = workflow("child", async () => {
      if (broken) throw new Error("torn");
      return "whole";
    });
    const parent = workflow("parent", (ctx) => ctx.child("call", child));
    const millrace = await scene().open({ workflows: [parent, child] });
    const run = await millrace.start(parent);
    await refusal(run.result());
    broken = false;
    expect(await (await millrace.rerun(run.id)).result()).toBe("whole");
  });
});
