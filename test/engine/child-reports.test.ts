/**
 * The report of a child run's end: told twice it counts once, lost it is told again, late it harms nobody; and
 * whatever a process dies of, what an ended run owes to others is done.
 */
import { expect, it } from "vitest";
import { type MillraceError, workflow } from "../../src/index.ts";
import type { Inbox } from "../../src/ports/inbox.ts";
import { faulty } from "./kit/faulty.ts";
import { only, onStores, onVirtualTime, outline, refusal, until } from "./kit/scene.ts";

const waiting = workflow("waiting", async (ctx) => ctx.waitFor<string>("word"));
const parent = workflow("parent", async (ctx) => ctx.child("only", waiting));

const isReport = (bytes: Uint8Array): boolean =>
  Buffer.from(bytes).toString().includes('"kind":"child"');

/** An inbox to which each report is posted so many times. */
const posting = (times: () => number) =>
  faulty({
    inbox: (inbox: Inbox) => ({
      async post(run: string, bytes: Uint8Array) {
        let position = 0;
        const repeated = isReport(bytes) ? times() : 1;
        for (let nth = 0; nth < repeated; nth++) position = await inbox.post(run, bytes);
        return position;
      },
    }),
  });

onStores("a report", (scene) => {
  it("that comes twice counts once, and is no anomaly", async () => {
    const wrap = posting(() => 2);
    const millrace = await scene().open({ workflows: [parent, waiting], wrap });
    const run = await millrace.start(parent, undefined, { id: "p" });
    await until("the child is there", async () => (await millrace.list()).length === 2);
    const [child] = await millrace.list({ workflow: "waiting" });
    await millrace.signal(child?.run ?? "", "word", "on");
    expect(await run.result()).toBe("on");
    const log = await scene().log("p");
    expect(only(log, "step.completed")).toHaveLength(1);
    expect(only(log, "anomaly.recorded")).toEqual([]);
  });

  it("of another run than its child is refused, and kept to be looked at", async () => {
    const millrace = await scene().open({ workflows: [parent, waiting] });
    const run = await millrace.start(parent, undefined, { id: "p" });
    await until("it has a child", async () => outline(await scene().log("p")).length > 2);
    const forged = { kind: "child", id: "f", parent: "p", step: "only", run: "other" } as const;
    await millrace.post("p", { ...forged, output: { json: "forged" } });
    await until("it was refused", async () =>
      only(await scene().log("p"), "anomaly.recorded").some(({ kind }) => kind === "refused-input"),
    );
    expect((await run.get()).status).not.toBe("completed");
  });
});

onVirtualTime("what was lost between runs", (scene, time) => {
  it("is told again, however often that meets a fault, and nothing is written to the child for it", async () => {
    let faults = 0;
    const wrap = posting(() => {
      if (faults++ < 3) throw new Error("no memory");
      return 1;
    });
    const millrace = await scene().open({ workflows: [parent, waiting], wrap });
    const run = await millrace.start(parent);
    await time().pass(3_000);
    const [child] = await millrace.list({ workflow: "waiting" });
    await millrace.signal(child?.run ?? "", "word", "on");
    expect(await time().until(run.result())).toBe("on");
    expect(faults).toBeGreaterThan(3);
    expect(outline(await scene().log(child?.run)).at(-1)).toBe("run.completed");
  });

  it("is told again: the end of a child", async () => {
    let lost = 0;
    const wrap = posting(() => (lost++ === 0 ? 0 : 1));
    const millrace = await scene().open({ workflows: [parent, waiting], wrap });
    const run = await millrace.start(parent);
    await time().pass(3_000);
    const [child] = await millrace.list({ workflow: "waiting" });
    await millrace.signal(child?.run ?? "", "word", "on");
    await time().pass(3_000);
    expect((await millrace.get(child?.run ?? "")).status).toBe("completed");
    expect((await run.get()).status).toBe("parked");
    expect(await time().until(run.result())).toBe("on");
    expect(lost).toBe(2);
  });

  it("is told by the sweep: that a child was erased", async () => {
    const millrace = await scene().open({ workflows: [parent, waiting] });
    const run = await millrace.start(parent);
    await time().pass(3_000);
    const [child] = await millrace.list({ workflow: "waiting" });
    await millrace.store.log.erase(child?.run ?? "");
    await millrace.store.queue.remove(child?.run ?? "");
    const error = (await time().until(refusal(run.result()))) as MillraceError;
    expect(error.message).toContain("erased");
  });
});
