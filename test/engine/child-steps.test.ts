/** Steps of a graph that are child runs: one, or one for each item of a list. */
import { expect, it } from "vitest";
import { graph, type MillraceError, workflow } from "../../src/index.ts";
import { only, onStores, refusal, until } from "./kit/scene.ts";

const ship = workflow("ship", async (ctx, order: { id: number }) =>
  ctx.run("send", () => `shipped ${order.id}`),
);
const waiting = workflow("waiting", async (ctx) => ctx.waitFor<string>("word"));

onStores("a step that is a child run", (scene) => {
  it("gets its input from what it needs, and gives its result to what needs it", async () => {
    const flow = graph<number>("orders")
      .step("order", (_ctx, id) => ({ number: id }))
      .child("dispatch", {
        needs: ["order"],
        workflow: ship,
        input: ({ order }) => ({ id: order.number }),
      })
      .child("extra", { needs: ["order"], workflow: ship, when: ({ order }) => order.number > 9 })
      .step("done", { needs: ["dispatch", "extra"] }, (_ctx, { dispatch, extra }) => [
        dispatch,
        extra ?? "none",
      ])
      .build();
    const millrace = await scene().open({ workflows: [flow, ship] });
    const run = await millrace.start(flow, 7, { id: "o" });
    expect(await run.result()).toEqual(["shipped 7", "none"]);
    const view = await run.get();
    const step = view.steps.find((one) => one.step === "dispatch");
    expect(step).toMatchObject({ status: "completed", child: { workflow: "ship" } });
    expect(await millrace.get(step?.child?.run ?? "")).toMatchObject({
      parent: { run: "o", step: "dispatch" },
    });
  });

  it("is one for each item, so many at once, undone when the run fails", async () => {
    const undone: string[] = [];
    const flow = graph<number>("many")
      .step("orders", (_ctx, count) => Array.from({ length: count }, (_, id) => ({ id })))
      .child("dispatch", {
        over: "orders",
        workflow: ship,
        concurrency: 2,
        undo: (_ctx, result: string) => void undone.push(result),
      })
      .step("check", { needs: ["dispatch"], retry: { maxAttempts: 1 } }, (_ctx, { dispatch }) => {
        if (dispatch.length > 3) throw new Error("too many");
        return dispatch.join(", ");
      })
      .build();
    const millrace = await scene().open({ workflows: [flow, ship] });
    expect(await (await millrace.start(flow, 3)).result()).toBe("shipped 0, shipped 1, shipped 2");
    expect(undone).toEqual([]);
    await refusal((await millrace.start(flow, 4)).result());
    expect(undone.toSorted()).toEqual([0, 1, 2, 3].map((id) => `shipped ${id}`));
  });

  it("fails with its child, and stops the others", async () => {
    const broken = workflow("broken", () => {
      throw new Error("not today");
    });
    const flow = graph("both")
      .child("slow", { workflow: waiting })
      .child("bad", { workflow: broken })
      .build();
    const millrace = await scene().open({ workflows: [flow, waiting, broken] });
    const error = (await refusal((await millrace.start(flow)).result())) as MillraceError;
    expect(error.message).toContain("not today");
    await until("the other was cancelled", async () =>
      (await millrace.list({ workflow: "waiting" })).every(({ status }) => status === "cancelled"),
    );
  });

  it("whose input cannot be made fails before any run is started", async () => {
    const flow = graph("unlucky")
      .child("never", {
        workflow: ship,
        input: () => {
          throw new Error("no input");
        },
      })
      .build();
    const millrace = await scene().open({ workflows: [flow, ship] });
    const run = await millrace.start(flow);
    expect(((await refusal(run.result())) as MillraceError).message).toContain("no input");
    expect(only(await scene().log(run.id), "child.started")).toEqual([]);
    expect(await millrace.list({ workflow: "ship" })).toEqual([]);
  });
});
