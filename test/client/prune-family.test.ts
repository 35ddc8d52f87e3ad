/** Retention and erasing where runs need one another: chains that go on, children that are awaited. */
import { expect, it } from "vitest";
import { workflow } from "../../src/index.ts";
import { onStores, refusal, until } from "../engine/kit/scene.ts";

const twice = workflow("twice", async (ctx, n: number) => {
  if (n === 1) return ctx.continueAsNew(2);
  return ctx.waitFor<string>("word");
});
const nothing = workflow("nothing", async () => "nothing");
const awaiting = workflow("awaiting", async (ctx) => {
  await ctx.child("fruitless", nothing);
  return ctx.waitFor<string>("word");
});

onStores("retention", (scene) => {
  it("erases nothing where the proof could not be kept", async () => {
    const millrace = await scene().open({ workflows: [nothing] });
    const taken = await millrace.start(nothing, undefined, { id: "millrace-erasures" });
    await taken.result();
    const run = await millrace.start(nothing);
    await run.result();
    const refused = await refusal(millrace.history.erase(run.id));
    expect(refused).toMatchObject({ code: "E_RUN_CONFLICT" });
    expect(await run.result()).toBe("nothing");
    const twice = await millrace.search({ statuses: ["completed", "completed"] });
    expect(twice.runs).toHaveLength(2);
  });

  it("keeps the runs that a living one goes on for, until it has ended", async () => {
    const millrace = await scene().open({ workflows: [twice] });
    const run = await millrace.start(twice, 1);
    await until("it waits in its second run", async () =>
      (await millrace.list()).some(({ status }) => status === "parked"),
    );
    expect(await millrace.history.prune({ keep: 0 })).toBe(0);
    await run.signal("word", "heard");
    expect(await run.result()).toBe("heard");
    expect(await millrace.history.prune({ keep: 0 })).toBe(2);
  });

  it("erases a child that its parent knows the end of, and not the parent", async () => {
    const millrace = await scene().open({ workflows: [awaiting, nothing] });
    const run = await millrace.start(awaiting);
    await until("it waits", async () =>
      (await run.explain()).waits.some(({ kind }) => kind === "signal"),
    );
    expect(await millrace.history.prune({ keep: 0 })).toBe(1);
    await run.signal("word", "heard");
    expect(await run.result()).toBe("heard");
  });

  it("leaves the inbox alone that a living run shares with one that is erased", async () => {
    const millrace = await scene().open({ workflows: [twice] });
    const run = await millrace.start(twice, 1);
    let second = "";
    await until("it waits in its second run", async () => {
      second = (await millrace.list()).find(({ status }) => status === "parked")?.run ?? "";
      return second !== "";
    });
    await scene().close(millrace);
    const quiet = await scene().open();
    await quiet.signal(second, "word", "unread");
    await quiet.history.erase(run.id);
    const hosting = await scene().open({ workflows: [twice] });
    expect(await hosting.result(second)).toBe("unread");
  });
});
