// Runs that begin later: after a delay, at a rate, or when several starts have become one.
import { expect, it } from "vitest";
import { workflow } from "../../src/index.ts";
import { only, onStores, onVirtualTime, refusal } from "./kit/scene.ts";

const echo = workflow("echo", async (ctx, input: unknown) => ctx.run("echo", () => input));

onVirtualTime("a delayed start", (scene, time) => {
  it("begins at its time, in another process than the one that was told", async () => {
    const client = await time().until(scene().open({ worker: false }));
    const run = await time().until(client.start(echo, 7, { id: "later", delay: "2h" }));
    const began = time().now();
    const worker = await time().until(scene().open({ workflows: [echo] }));
    await time().pass(3_600_000);
    expect((await worker.get("later")).status).toBe("pending");
    expect((await worker.explain("later")).waits).toMatchObject([
      { kind: "timer", until: began + 7_200_000 },
    ]);
    expect(await time().until(run.result(), 7_200_000)).toBe(7);
    const [admitted] = only(await scene().log("later"), "run.admitted");
    expect((admitted?.at ?? 0) - began).toBeGreaterThanOrEqual(7_200_000);
    expect((admitted?.at ?? 0) - began).toBeLessThan(7_202_000);
  });

  it("may be cancelled before, and given a time", async () => {
    const millrace = await time().until(scene().open({ workflows: [echo] }));
    const at = time().now() + 60_000;
    const run = await time().until(millrace.start(echo, 1, { id: "never", at }));
    await time().until(run.cancel());
    const error = await time().until(refusal(run.result()));
    expect(error).toMatchObject({ code: "E_RUN_CANCELLED" });
    expect(only(await scene().log("never"), "step.started")).toEqual([]);
    const both = await refusal(millrace.start(echo, 1, { delay: 5, at }));
    expect(both).toMatchObject({ code: "E_OPTION_INVALID" });
  });
});

onVirtualTime("a rate limit", (scene, time) => {
  it("spreads what was started at once, and loses none", async () => {
    const flow = { rateLimit: { limit: 3, per: "1m" } };
    const paced = workflow("paced", { flow }, (ctx, no: number) => ctx.run("work", () => no));
    const millrace = await time().until(scene().open({ workflows: [paced] }));
    const ids = Array.from({ length: 10 }, (_, no) => `run-${no}`);
    await time().until(Promise.all(ids.map((id, no) => millrace.start(paced, no, { id }))));
    await time().until(Promise.all(ids.map((id) => millrace.result(id))));
    const times = only(await scene().log(), "gate.admitted").map(({ at }) => at);
    expect(times).toHaveLength(10);
    const first = times[0] ?? 0;
    expect(times.map((at) => Math.floor((at - first) / 60_000))).toEqual([
      ...[0, 0, 0, 1, 1, 1, 2, 2, 2, 3],
    ]);
  });
});

onVirtualTime("debounced starts", (scene, time) => {
  const latest = workflow(
    "latest",
    { flow: { debounce: { key: ({ doc }: Edit) => doc, for: "10s", max: "25s" } } },
    (ctx, edit: Edit) => ctx.run("save", () => edit.text),
  );

  it("become one run, with the newest input, after a quiet time", async () => {
    const millrace = await time().until(scene().open({ workflows: [latest] }));
    const ids = new Set<string>();
    for (const text of ["a", "ab", "abc"]) {
      const run = await time().until(millrace.start(latest, { doc: "x", text }));
      ids.add(run.id);
      await time().pass(4_000);
    }
    const other = await time().until(millrace.start(latest, { doc: "y", text: "other" }));
    const [run = ""] = ids;
    expect(ids.size).toBe(1);
    expect(await time().until(millrace.result(run))).toBe("abc");
    expect(await time().until(other.result())).toBe("other");
    const next = await time().until(millrace.start(latest, { doc: "x", text: "later" }));
    expect(next.id).not.toBe(run);
    expect(await time().until(next.result())).toBe("later");
  });

  it("do not put it off for ever", async () => {
    const millrace = await time().until(scene().open({ workflows: [latest] }));
    const ids = new Set<string>();
    for (let no = 0; no < 6; no++) {
      ids.add((await time().until(millrace.start(latest, { doc: "x", text: `${no}` }))).id);
      await time().pass(6_000);
    }
    expect(ids.size).toBe(2);
    const [first = ""] = ids;
    expect(await time().until(millrace.result(first))).toBe("4");
  });
});

interface Edit {
  readonly doc: string;
  readonly text: string;
}

onStores("batched starts", (scene) => {
  const sums = workflow(
    "sums",
    { flow: { batch: { max: 4, within: "150ms" } } },
    (ctx, inputs: number[]) => ctx.run("sum", () => inputs.reduce((sum, one) => sum + one, 0)),
  );

  it("become one run that gets all their inputs, each start once", async () => {
    const millrace = await scene().open({ workflows: [sums] });
    const started = await Promise.all([1, 2, 3, 4].map((no) => millrace.start(sums, no)));
    expect(new Set(started.map(({ id }) => id)).size).toBe(1);
    expect(await started[0]?.result()).toBe(10);
    const late = await millrace.start(sums, 5, { id: "start-5" });
    const again = await millrace.start(sums, 5, { id: "start-5" });
    expect(again.id).toBe(late.id);
    expect(late.id).not.toBe(started[0]?.id);
    expect(await late.result()).toBe(5);
  });

  it("of many processes lose none", async () => {
    const processes = await Promise.all([1, 2].map(() => scene().open({ workflows: [sums] })));
    const numbers = Array.from({ length: 20 }, (_, no) => no + 1);
    const runs = await Promise.all(
      numbers.map((no) => processes[no % 2]?.start(sums, no, { id: `start-${no}` })),
    );
    const ids = [...new Set(runs.map((run) => run?.id ?? ""))];
    const results = await Promise.all(ids.map((id) => processes[0]?.result(id)));
    expect(results.reduce((sum: number, one) => sum + (one as number), 0)).toBe(210);
  });
});
