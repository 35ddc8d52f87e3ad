/** What waits for people, over all runs: true after every end, fork and erasure, and from a saved copy. */
import { expect, it } from "vitest";
import { graph, type PendingApproval, workflow } from "../../src/index.ts";
import { onStores, refusal, until } from "../engine/kit/scene.ts";

const ask = workflow("ask", async (ctx, approvers: string[] | null) => {
  const options = approvers === null ? {} : { approvers };
  return ctx.approve("go", { prompt: "go?", ...options });
});

const steps = graph("steps").approve("first", { prompt: "first?", timeout: "1h" }).build();

const named = (pending: readonly PendingApproval[]): string[] =>
  pending.map(({ run, name }) => `${run} ${name}`);

onStores("pending approvals", (scene) => {
  it("are those of all runs, the longest waiting first, and gone with whatever ends them", async () => {
    const millrace = await scene().open({ workflows: [ask, steps] });
    const pending = async (options = {}) => named(await millrace.pendingApprovals(options));
    for (const [id, flow, input] of [
      ["a", ask, ["ada"]],
      ["b", ask, ["grace"]],
      ["c", steps, undefined],
      ["d", ask, null],
    ] as const) {
      await millrace.start(flow.name, input, { id });
      await until("it is asked for", async () =>
        (await pending()).some((one) => one.startsWith(id)),
      );
    }
    expect(await pending()).toEqual(["a go", "b go", "c first", "d go"]);
    expect(await pending({ workflow: "steps" })).toEqual(["c first"]);
    expect(await pending({ by: "ada" })).toEqual(["a go", "c first", "d go"]);
    expect(await pending({ limit: 1 })).toEqual(["a go"]);
    await millrace.approve("a", "go", { by: "ada" });
    await millrace.result("a");
    await millrace.cancel("b");
    await until("b has ended", async () => (await millrace.get("b")).status === "cancelled");
    expect(await pending()).toEqual(["c first", "d go"]);
    await millrace.rebuild();
    const other = await scene().open();
    expect(named(await other.pendingApprovals())).toEqual(["c first", "d go"]);
  });

  it("of a fork are those that its origin waited for there", async () => {
    const millrace = await scene().open({ workflows: [ask] });
    const run = await millrace.start(ask, null, { id: "origin" });
    await until("it is asked for", async () => (await millrace.pendingApprovals()).length === 1);
    const { seq } = await run.get();
    await run.approve("go", { by: "ada" });
    await run.result();
    const fork = await millrace.fork("origin", { seq, id: "fork" });
    expect(named(await millrace.pendingApprovals())).toEqual(["fork go"]);
    await fork.reject("go", { by: "grace" });
    expect(await fork.result()).toMatchObject({ approved: false, by: "grace" });
    expect(await run.result()).toMatchObject({ approved: true, by: "ada" });
    expect(await millrace.pendingApprovals()).toEqual([]);
  });

  it("are refused to nobody, to who has no name, and under no such name", async () => {
    const millrace = await scene().open({ workflows: [ask] });
    for (const [options, code] of [
      [{}, "E_OPTION_INVALID"],
      [{ by: " " }, "E_OPTION_INVALID"],
      [{ by: "x".repeat(257) }, "E_OPTION_INVALID"],
      [{ by: "ada", comment: 5 }, "E_OPTION_INVALID"],
      [{ by: "ada", reason: "?" }, "E_OPTION_INVALID"],
      [{ by: "ada", id: "*" }, "E_ID_INVALID"],
    ] as const) {
      expect(await refusal(millrace.approve("run", "go", options as never))).toMatchObject({
        code,
      });
    }
    for (const name of ["", "*", "go#", "go#0", "go#x", "a b"]) {
      const refused = await refusal(millrace.reject("run", name, { by: "ada" }));
      expect(refused, name).toMatchObject({ code: "E_ID_INVALID" });
    }
  });
});
