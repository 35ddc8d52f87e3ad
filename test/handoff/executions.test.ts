// What an execution is: a run of its own, done by whoever has the code, gone on with by its id.
import { expect, it } from "vitest";
import { type Dag, dag } from "../../src/index.ts";
import type { StepContext } from "../../src/workflow/step-context.ts";
import { onStores, refusal, sleep, until } from "../engine/kit/scene.ts";

onStores("An execution", (scene) => {
  const counted = (): { calls: number; readonly made: Dag } => {
    const made = dag("counted").add({ id: "a", code: (): number => ++self.calls });
    const self = { calls: 0, made };
    return self;
  };

  it("is a run of its own each time, unless it has the id of one", async () => {
    const millrace = await scene().open();
    const counter = counted();
    const first = await millrace.execute(counter.made, { id: "once" });
    expect(await millrace.execute(counter.made, { id: "once" })).toEqual(first);
    expect(counter.calls).toBe(1);
    await millrace.execute(counter.made);
    expect(counter.calls).toBe(2);
    const other = dag("counted").add({ id: "b", code: () => 1 });
    expect(await refusal(millrace.execute(other, { id: "once" }))).toMatchObject({
      code: "E_RUN_CONFLICT",
    });
  });

  it("uses the code that it was given, also when two look the same", async () => {
    const millrace = await scene().open();
    const made = (value: number, id?: string): Dag =>
      dag(id).add({ id: "a", code: () => sleep(5).then(() => value) });
    const answers = await Promise.all([
      millrace.execute(made(1)),
      millrace.execute(made(2)),
      millrace.execute(made(3, "same")),
      millrace.execute(made(4, "same")),
      millrace.executeLocal(made(5, "same")),
    ]);
    expect(answers.map(({ results }) => results["a"])).toEqual([1, 2, 3, 4, 5]);
  });

  it("is done by processes that were opened with the DAG, and refused when there is none", async () => {
    const client = await scene().open({ worker: false });
    const { made } = counted();
    expect(await refusal(client.execute(made))).toMatchObject({ code: "E_OPTION_INVALID" });
    expect(await refusal(client.executeDistributed(made))).toMatchObject({
      code: "E_WORKFLOW_UNKNOWN",
    });
    const worker = await scene().open({ workflows: [made.workflow] });
    await until("it is announced", async () => (await client.store.nodes.list()).length > 0);
    expect(await client.executeDistributed(made)).toMatchObject({
      results: { a: 1 },
      allocations: { a: worker.node },
    });
    const nameless = dag().add({ id: "a", code: () => 1 });
    expect(await refusal(client.executeDistributed(nameless))).toMatchObject({
      code: "E_DEF_INVALID",
    });
  });

  it("keeps local what is to be local, also beside others that have the DAG", async () => {
    const { made } = counted();
    await scene().open({ workflows: [made.workflow], node: "other" });
    const here = await scene().open({ node: "here" });
    const runs = await Promise.all(Array.from({ length: 10 }, () => here.executeLocal(made)));
    expect(new Set(runs.map(({ allocations }) => allocations["a"]))).toEqual(new Set(["here"]));
  });

  it("goes on where it was when its process is back", async () => {
    const calls: string[] = [];
    const untilAborted = (signal: AbortSignal): Promise<void> =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    const made = (hold: boolean): Dag =>
      dag("resumed").add(
        { id: "a", code: () => calls.push("a") },
        {
          id: "b",
          args: ["a"],
          async code(this: StepContext) {
            calls.push("b");
            if (hold) await untilAborted(this.signal);
            return "done";
          },
        },
      );
    const first = await scene().open({ node: "n1", stopGrace: 0 });
    const cut = first.execute(made(true), { id: "r1" });
    cut.catch(() => undefined);
    await until("b runs", () => calls.includes("b"));
    await scene().close(first);
    expect(await refusal(cut)).toMatchObject({ code: "E_STORE_CLOSED" });
    const second = await scene().open({ node: "n1" });
    expect((await second.execute(made(false), { id: "r1" })).results).toMatchObject({ b: "done" });
    expect(calls).toEqual(["a", "b", "b"]);
  });

  it("ends with who stopped it, when somebody does", async () => {
    const millrace = await scene().open();
    const stuck = dag().add({
      id: "a",
      code(this: StepContext) {
        return new Promise<void>((resolve) => {
          this.signal.addEventListener("abort", () => resolve());
        });
      },
    });
    const cancelled = refusal(millrace.execute(stuck, { id: "c" }));
    await until("it runs", async () => (await millrace.list())[0]?.status === "running");
    await millrace.cancel("c", { by: "ann", reason: "enough" });
    expect(await cancelled).toMatchObject({
      code: "E_RUN_CANCELLED",
      message: "run c was cancelled by ann: enough",
    });
  });

  it("refuses what is no DAG, and options that it does not know", async () => {
    const millrace = await scene().open();
    const { made } = counted();
    for (const nothing of [undefined, null, {}, made.workflow]) {
      expect(await refusal(millrace.execute(nothing as never))).toMatchObject({
        code: "E_DEF_INVALID",
      });
    }
    for (const options of [
      { maxRetries: -1 },
      { maxConcurrency: 0 },
      { onFailure: "stop" },
      { retries: 1 },
    ]) {
      expect(await refusal(millrace.execute(made, options as never))).toMatchObject({
        code: "E_OPTION_INVALID",
      });
    }
  });
});
