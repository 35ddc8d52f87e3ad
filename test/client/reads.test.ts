/** Looking at runs: views, lists and results say what is so, and refusals say why. */
import { expect, it } from "vitest";
import {
  graph,
  isMillraceError,
  type MillraceError,
  TerminalError,
  workflow,
} from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import { onStores, onVirtualTime, refusal, until } from "../engine/kit/scene.ts";

const echo = graph<unknown>("echo")
  .step("only", (_ctx, input) => input)
  .build();
const failing = graph("failing")
  .step("only", () => {
    throw new TerminalError("no use", { cause: new TypeError("the reason") });
  })
  .build();
const waiting = workflow("waiting", (ctx) => ctx.waitFor("word"));
const workflows = [echo, failing, waiting];

onStores("get", (scene) => {
  it("shows a run as it is, and as it was after any of its events", async () => {
    const millrace = await scene().open({ workflows, node: "host" });
    const run = await millrace.start(echo, { a: 1 }, { labels: { who: "me" } });
    await run.result();
    const view = await millrace.get(run.id);
    expect(view).toMatchObject({
      run: run.id,
      workflow: "echo",
      status: "completed",
      labels: { who: "me" },
      epoch: 1,
      input: { json: { a: 1 } },
      output: { json: { a: 1 } },
      error: null,
      steps: [{ step: "only", status: "completed", attempt: 1, node: "host" }],
    });
    expect(await millrace.get(run.id, { seq: 1 })).toMatchObject({ status: "pending", seq: 1 });
    for (let seq = 1; seq <= view.seq; seq++) {
      expect((await millrace.get(run.id, { seq })).seq).toBe(seq);
    }
    expect(await millrace.get(run.id, { seq: view.seq + 5 })).toEqual(view);
  });

  it("of a run that does not exist says so, and so does everything else about it", async () => {
    const millrace = await scene().open({ workflows });
    const calls = [millrace.get("nobody"), millrace.cancel("nobody"), millrace.result("nobody")];
    for (const call of calls) {
      expect(await refusal(call)).toMatchObject({ code: "E_RUN_NOT_FOUND" });
    }
    expect(await scene().log()).toEqual([]);
  });
});

onStores("list", (scene) => {
  it("gives the newest first, by workflow and status, as many as wanted", async () => {
    const millrace = await scene().open({ workflows, parkAfter: 1 });
    const done = await millrace.start(echo, 1, { id: "done" });
    const failed = await millrace.start(failing, undefined, { id: "failed" });
    await Promise.allSettled([done.result(), failed.result()]);
    await millrace.start(waiting, undefined, { id: "parked" });
    await until("it is parked", async () => (await millrace.get("parked")).status === "parked");
    const ids = async (options: Parameters<typeof millrace.list>[0]) =>
      (await millrace.list(options)).map(({ run }) => run);
    expect(new Set(await ids({}))).toEqual(new Set(["done", "failed", "parked"]));
    expect((await ids({}))[0]).toBe("parked");
    expect(await ids({ status: "failed" })).toEqual(["failed"]);
    expect(await ids({ workflow: "echo" })).toEqual(["done"]);
    expect(await ids({ workflow: "echo", status: "failed" })).toEqual([]);
    expect(await ids({ limit: 1 })).toEqual(["parked"]);
    expect(await ids({ limit: 0 })).toEqual([]);
  });

  it("gives copies, and from every process the same", async () => {
    const [one, two] = [await scene().open({ workflows }), await scene().open({ worker: false })];
    const run = await one.start(echo, 1, { labels: { a: "b" } });
    await run.result();
    const [first] = await one.list();
    if (first !== undefined) (first.labels as Record<string, string>)["a"] = "changed";
    const [again] = await one.list();
    expect(again).toMatchObject({ labels: { a: "b" }, status: "completed" });
    expect(await two.list()).toEqual([again]);
  });

  it("is true for a process that comes later, from the saved view or without it", async () => {
    const first = await scene().open({ workflows });
    const run = await first.start(echo, 1);
    await run.result();
    const listed = await first.list();
    await scene().close(first);
    const second = await scene().open({ worker: false });
    expect(await second.list()).toEqual(listed);
    await (await scene().store()).views.delete("run-summary.1");
    const third = await scene().open({ worker: false });
    expect(await third.list()).toEqual(listed);
  });
});

onStores("result", (scene) => {
  it("of a failed run names what failed, down to the cause", async () => {
    const millrace = await scene().open({ workflows });
    const run = await millrace.start(failing);
    const error = (await refusal(run.result())) as MillraceError;
    expect(error.code).toBe("E_RUN_FAILED");
    const chain: unknown[] = [];
    for (let cause = error.cause as Error | undefined; cause; cause = cause.cause as Error) {
      chain.push([cause.name, cause.message]);
    }
    expect(chain).toEqual([
      ["E_STEP_FAILED", "step only failed: no use"],
      ["E_TERMINAL", "no use"],
      ["TypeError", "the reason"],
    ]);
  });

  it("is there for as many as ask, before and after", async () => {
    const gate = deferred<void>();
    const flow = graph("gated")
      .step("only", () => gate.promise.then(() => ({ shared: [1] })))
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    const asked = Array.from({ length: 50 }, () => run.result());
    gate.resolve();
    const results = await Promise.all([...asked, run.result(), millrace.result(run.id)]);
    const [one, ...others] = results as { shared: number[] }[];
    one?.shared.push(2);
    for (const other of others) expect(other).toEqual({ shared: [1] });
  });

  it("of a run that will exist can be waited for", async () => {
    const millrace = await scene().open({ workflows });
    const result = millrace.handle("later").result();
    await millrace.start(echo, "there", { id: "later" });
    expect(await result).toBe("there");
  });
});

onVirtualTime("result", (scene, time) => {
  it("gives up after its timeout, and the run goes on", async () => {
    const millrace = await scene().open({ workflows });
    const run = await millrace.start(waiting);
    const error = await time().until(refusal(run.result({ timeoutMs: 60_000 })));
    expect(isMillraceError(error, "E_TIMEOUT")).toBe(true);
    await run.signal("word", "late");
    expect(await time().until(run.result({ timeoutMs: 60_000 }))).toBe("late");
  });
});
