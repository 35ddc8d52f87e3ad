/** What a fork has otherwise, beyond input and results: limits, decisions, labels; and what it must not do again. */
import { expect, it } from "vitest";
import { graph, workflow } from "../../src/index.ts";
import { only, onStores, refusal, until } from "../engine/kit/scene.ts";

const tenant = workflow(
  "tenant",
  { flow: { concurrency: { limit: 1, key: (input) => (input as { of: string }).of } } },
  async (ctx, { of }: { of: string }) => ctx.run("work", () => of),
);

const payment = graph<{ sum: number }>("payment")
  .step("quote", (_ctx, { sum }) => sum * 2)
  .step("pay", { needs: ["quote"], irreversible: true }, (_ctx, { quote }) => `paid ${quote}`)
  .step("thank", { needs: ["pay"] }, (_ctx, { pay }) => `${pay}, thanks`)
  .build();

const release = workflow("release", async (ctx) => {
  const { approved, by } = await ctx.approve("ship", {
    prompt: "ship?",
    approvers: ["ada"],
  });
  return `${approved ? "shipped" : "kept"} by ${by}`;
});

onStores("a fork", (scene) => {
  it("is admitted by the key of its own input", async () => {
    const millrace = await scene().open({ workflows: [tenant] });
    const run = await millrace.start(tenant, { of: "a" });
    await run.result();
    const same = await millrace.fork(run.id, { seq: 1 });
    const other = await millrace.fork(run.id, { seq: 1, input: { of: "b" } });
    expect([await same.result(), await other.result()]).toEqual(["a", "b"]);
    const keys = only(await scene().log(), "run.created").flatMap(
      ({ admission }) => admission?.limits.map(({ key }) => key) ?? [],
    );
    expect(keys).toEqual(["a", "a", "b"]);
  });

  it("does not do again what another fork did that cannot be undone", async () => {
    const millrace = await scene().open({ workflows: [payment] });
    const run = await millrace.start(payment, { sum: 2 });
    await run.result();
    const [quoted] = only(await scene().log(run.id), "step.completed");
    const at = { seq: quoted?.seq ?? 0 };
    const first = await millrace.fork(run.id, { ...at, allowIrreversible: true });
    await first.result();
    const again = await refusal(millrace.fork(first.id, { seq: 1 }));
    expect(again).toMatchObject({ code: "E_IRREVERSIBLE", details: { steps: ["pay"] } });
  });

  it("sees what only a sibling has done", async () => {
    const asking = workflow("asking", async (ctx) => {
      const word = await ctx.waitFor<string>("word");
      return ctx.run("send", () => word, { irreversible: true });
    });
    const millrace = await scene().open({ workflows: [asking] });
    const run = await millrace.start(asking);
    await until("it waits", async () => (await run.get()).status === "parked");
    const { seq } = await run.get();
    const first = await millrace.fork(run.id, { seq, signal: { name: "word", payload: "one" } });
    expect(await first.result()).toBe("one");
    const second = { seq, signal: { name: "word", payload: "two" } };
    expect(await refusal(millrace.fork(run.id, second))).toMatchObject({
      code: "E_IRREVERSIBLE",
      details: { steps: ["send"] },
    });
    const allowed = await millrace.fork(run.id, { ...second, allowIrreversible: true });
    expect(await allowed.result()).toBe("two");
  });

  it("answers an approval with a decision, and with nothing less", async () => {
    const millrace = await scene().open({ workflows: [release] });
    const run = await millrace.start(release);
    await until("it asks", async () => (await millrace.pendingApprovals()).length === 1);
    const { seq } = await run.get();
    await run.approve("ship", { by: "ada" });
    expect(await run.result()).toBe("shipped by ada");
    const bare = await refusal(millrace.fork(run.id, { signal: { name: "ship", payload: {} } }));
    expect(bare).toMatchObject({ code: "E_OPTION_INVALID", details: { option: "signal" } });
    const decision = { approved: false, by: "ada", comment: "not yet" };
    const fork = await millrace.fork(run.id, { signal: { name: "ship", decision } });
    expect(await fork.result()).toBe("kept by ada");
    const stranger = { seq, signal: { name: "ship", decision: { approved: true, by: "bob" } } };
    expect(await refusal(millrace.fork(run.id, stranger))).toMatchObject({
      code: "E_COMMAND_REFUSED",
    });
    const vague = { seq, signal: { name: "ship", decision: { approved: 1, by: "ada" } as never } };
    expect(await refusal(millrace.fork(run.id, vague))).toMatchObject({ code: "E_OPTION_INVALID" });
  });

  it("with other labels is another run", async () => {
    const millrace = await scene().open({ workflows: [payment] });
    const run = await millrace.start(payment, { sum: 1 }, { labels: { shelf: "a" } });
    await run.result();
    const { seq } = await run.get();
    const options = { id: "same", seq, labels: { shelf: "b" } };
    await millrace.fork(run.id, options);
    expect((await millrace.fork(run.id, options)).id).toBe("same");
    const other = await refusal(millrace.fork(run.id, { ...options, labels: { shelf: "c" } }));
    expect(other).toMatchObject({ code: "E_RUN_CONFLICT" });
  });
});
