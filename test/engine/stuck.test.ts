/**
 * Runs that cannot be gone on with: they say why, are tried less and less, can be ended all the same, and are
 * looked at again by a newer process. And hints that cannot be given make nothing fail that is durable.
 */
import { expect, it } from "vitest";
import { graph, MillraceError, workflow } from "../../src/index.ts";
import type { Store } from "../../src/ports/store.ts";
import { over } from "../../src/testing/simulation/over.ts";
import { faulty } from "./kit/faulty.ts";
import { only, onStores, onVirtualTime, refusal, until } from "./kit/scene.ts";

const BIG = "x".repeat(100_000);

/** A run whose next step needs a result that is in the blob store. */
const big = graph("big")
  .step("make", () => BIG)
  .step("wait", { needs: ["make"], when: ({ make }) => make.length > 0 }, () => "fine")
  .build();

/** A blob store that has lost everything, until it is found again. */
const losing =
  (lost: { now: boolean }) =>
  (store: Store): Store => {
    const get = async (digest: string) => (lost.now ? undefined : store.blobs.get(digest));
    return { ...store, blobs: over(store.blobs, { get }) };
  };

onVirtualTime("a run of which a blob is missing", (scene, time) => {
  it("is parked with the reason, for longer each time, and goes on when the blob is back", async () => {
    const lost = { now: true };
    const millrace = await scene().open({ workflows: [big], wrap: losing(lost) });
    const run = await millrace.start(big);
    await time().pass(100_000);
    expect(await run.get()).toMatchObject({
      status: "parked",
      parkedError: { code: "E_STORE_MISSING" },
    });
    const parked = only(await scene().log(run.id), "run.parked");
    expect(parked.map(({ faults }) => faults)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const pauses = parked.map(({ at, until: again }) => (again ?? 0) - at);
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000]);
    expect((await run.explain()).waits[0]).toMatchObject({ kind: "fault" });
    expect(await millrace.failures()).toMatchObject([{ kind: "stuck", run: run.id }]);
    lost.now = false;
    expect(await time().until(run.result())).toBe("fine");
    expect((await run.get()).faults).toBe(0);
  });

  it("is tried every ten minutes in the end, and can be cancelled", async () => {
    const millrace = await scene().open({ workflows: [big], wrap: losing({ now: true }) });
    const run = await millrace.start(big);
    await time().pass(7_200_000);
    const parked = only(await scene().log(run.id), "run.parked");
    const last = parked.at(-1);
    expect((last?.until ?? 0) - (last?.at ?? 0)).toBe(600_000);
    expect(parked.length).toBeLessThan(25);
    await run.cancel();
    expect(await time().until(refusal(run.result()), 5_000)).toMatchObject({
      code: "E_RUN_CANCELLED",
    });
  });
});

onStores("a run whose code is nowhere", (scene) => {
  const made = (step: string) =>
    graph("g")
      .step(step, () => new Promise(() => undefined))
      .build();

  it("is cancelled all the same, by a process that has only its name", async () => {
    const first = await scene().open({ workflows: [made("old")], stopGrace: 0 });
    const run = await first.start("g", undefined, { id: "r" });
    await until("it runs", async () => (await run.get()).steps[0]?.status === "running");
    await scene().close(first);
    const other = await scene().open({ workflows: [made("new")] });
    await until("it was looked at", () => other.hosted === 0);
    await other.cancel("r");
    await other.store.queue.remove("r");
    await other.store.queue.offer({ workflow: "g", run: "r" });
    expect(await refusal(other.result("r", { timeoutMs: 25_000 }))).toMatchObject({
      code: "E_RUN_CANCELLED",
    });
  });
});

onVirtualTime("a run whose code does not fit", (scene, time) => {
  it("is looked at as soon as a newer process starts", async () => {
    const made = (name: string) =>
      workflow("flow", async (ctx) => {
        await ctx.run(name, () => 1);
        return ctx.waitFor("word");
      });
    const first = await scene().open({ workflows: [made("a")] });
    const run = await first.start("flow", undefined, { id: "r" });
    await time().pass(5_000);
    await time().until(scene().close(first));
    const wrong = await scene().open({ workflows: [made("b")] });
    await wrong.signal("r", "word", "hello");
    await time().pass(2_000);
    expect(await run.get().catch(() => wrong.get("r"))).toMatchObject({
      parkedError: { code: "E_CODE_MISMATCH" },
    });
    await time().until(scene().close(wrong));
    const right = await scene().open({ workflows: [made("a")] });
    expect(await time().until(right.result("r"), 60_000)).toBe("hello");
  });
});

onStores("a queue that is away", (scene) => {
  it("makes no start and no signal fail: the sweep offers what is missing", async () => {
    const away = { now: false };
    const offer = faulty({
      queue: (queue) => ({
        offer: (ticket, at) =>
          away.now
            ? Promise.reject(new MillraceError("E_STORE_UNAVAILABLE", "the queue is away"))
            : queue.offer(ticket, at),
      }),
    });
    const flow = workflow("flow", (ctx) => ctx.waitFor("word"));
    const millrace = await scene().open({ workflows: [flow], wrap: offer, worker: false });
    away.now = true;
    const run = await millrace.start(flow);
    await run.signal("word", "hello");
    await scene().open({ workflows: [flow], sweepEvery: 20 });
    expect(await run.result({ timeoutMs: 25_000 })).toBe("hello");
  });
});
