/**
 * Slots and places: what a process may do at once is never exceeded, and none of it stays free while
 * somebody waits for it.
 */
import { expect, it } from "vitest";
import { graph, type RunHandle, workflow } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import { MillraceError } from "../../src/kernel/errors.ts";
import { faulty, gate, losing } from "./kit/faulty.ts";
import { only, onStores, onVirtualTime, sleep, until } from "./kit/scene.ts";

/** Counts how many are inside at once. */
function gauge(): { enter<T>(work: () => Promise<T>): Promise<T>; readonly most: number } {
  let [now, most] = [0, 0];
  return {
    async enter(work) {
      now++;
      most = Math.max(most, now);
      try {
        return await work();
      } finally {
        now--;
      }
    },
    get most() {
      return most;
    },
  };
}

onStores("a process", (scene) => {
  it("runs no more steps at once than it may, over all its runs", async () => {
    const steps = gauge();
    const flow = graph("many")
      .step("list", () => [1, 2, 3, 4, 5])
      .map("work", { over: "list" }, () => steps.enter(() => sleep(2)))
      .build();
    const millrace = await scene().open({ workflows: [flow], worker: { steps: 3 } });
    const runs = await Promise.all(Array.from({ length: 10 }, () => millrace.start(flow)));
    await Promise.all(runs.map((run) => run.result()));
    expect(steps.most).toBe(3);
  });

  it("hosts no more runs at once than it may", async () => {
    const flow = graph("place")
      .step("only", () => sleep(5))
      .build();
    const slow = faulty({
      log: (log) => ({
        async *read(range) {
          await sleep(5);
          yield* log.read(range);
        },
      }),
    });
    const client = await scene().open({ workflows: [flow], worker: false });
    const runs = await Promise.all(Array.from({ length: 20 }, () => client.start(flow)));
    // Without hints every claim has to be loaded first.
    const { queue } = await scene().store();
    const none = new AbortController();
    const claims = await queue.claim({ workflows: ["place"], max: 20, signal: none.signal });
    await Promise.all(claims.map((claim) => claim.ack()));
    await Promise.all(runs.map(({ id: run }) => queue.offer({ workflow: "place", run })));
    const options = { workflows: [flow], worker: { runs: 2 }, wrap: slow } as const;
    const millrace = await scene().open(options);
    let most = 0;
    const watching = setInterval(() => {
      most = Math.max(most, millrace.hosted);
    }, 1);
    await Promise.all(runs.map((run) => run.result({ timeoutMs: 25_000 })));
    clearInterval(watching);
    expect(most).toBeLessThanOrEqual(2);
  });

  /** Three runs and one slot: the first had it, the second is called while it is busy writing. */
  async function queued(
    tell: (run: RunHandle<unknown>) => Promise<void> = () => Promise.resolve(),
    lost: () => string = () => "",
    leaseMs = 60_000,
  ) {
    const holding = deferred<void>();
    const flow = workflow("queued", async (ctx, nth: number) => {
      const step = ctx.run("only", () => (nth === 0 ? holding.promise : nth));
      const result = await step.catch(() => "cancelled");
      if (result === "cancelled") await ctx.sleep("nap", "10m");
      return result;
    });
    const held = gate();
    const wrap = faulty({ log: held.log, queue: losing((run) => run === lost()) });
    const more = { wrap, leaseMs, parkAfter: "1h" } as const;
    const millrace = await scene().open({ workflows: [flow], worker: { steps: 1 }, ...more });
    const runs: RunHandle<unknown>[] = [];
    for (const status of ["running", "pending", "pending"]) {
      const run = await millrace.start(flow, runs.length);
      await until(`it is ${status}`, async () => (await run.get()).steps[0]?.status === status);
      runs.push(run);
    }
    const [first, second, third] = runs;
    if (!first || !second || !third) throw new Error("there are three");
    const writing = held.hold(second.id);
    await second.signal("word");
    await writing;
    await tell(second);
    // The slot becomes free as soon as that is written; then the run in line, which is writing, is called.
    const ending = held.hold(first.id);
    holding.resolve();
    await ending;
    held.go(first.id);
    return { millrace, held, first, second, third };
  }

  it("passes a free slot on when the run that was called has no use for it", async () => {
    const { millrace, held, first, second, third } = await queued(async (run) => {
      const actor = await run.actor("only");
      actor.send({ type: "cmd.cancel", now: 0, reason: "not now" });
      const { inbox } = await scene().store();
      await until("it is told", async () => (await inbox.read(run.id, 0)).length > 0);
      actor.stop();
    });
    held.go(second.id);
    expect(await third.result({ timeoutMs: 25_000 })).toBe(2);
    expect(await second.get()).toMatchObject({
      status: "running",
      steps: [{ status: "cancelled" }],
    });
    held.go(first.id);
    await millrace.result(first.id);
  });

  it("passes a free slot on when the run that was called is let go", async () => {
    let lost = "";
    const { millrace, held, first, second, third } = await queued(undefined, () => lost, 1_500);
    lost = second.id;
    await until("it is let go", () => millrace.hosted < 3);
    expect(await third.result({ timeoutMs: 25_000 })).toBe(2);
    lost = "";
    held.go(second.id);
    held.go(first.id);
    expect(await second.result({ timeoutMs: 25_000 })).toBe(1);
  });

  it("gives the slots of a commit that failed back", async () => {
    const flow = graph("unlucky")
      .step("list", () => [1, 2, 3])
      .map("work", { over: "list" }, (_ctx, item) => item)
      .build();
    let faults = 1;
    const failing = faulty({
      log: (log) => ({
        append(frame, signal) {
          if (frame.expected === 0 || faults-- <= 0) return log.append(frame, signal);
          return Promise.reject(new MillraceError("E_STORE_MISSING", "the log is gone"));
        },
      }),
    });
    const options = { workflows: [flow], worker: { steps: 1 }, wrap: failing };
    const millrace = await scene().open(options);
    const run = await millrace.start(flow);
    expect(await run.result({ timeoutMs: 25_000 })).toEqual([1, 2, 3]);
    expect(faults).toBeLessThanOrEqual(0);
  });
});

onVirtualTime("a retry that is due while no slot is free", (scene, time) => {
  it("waits for the slot without asking again and again, and other times still count", async () => {
    const holding = deferred<void>();
    const holder = graph("holder")
      .step("only", () => holding.promise)
      .build();
    const flow = workflow("retrying", async (ctx) => {
      const options = { retry: { initial: "1s", jitter: 0 } } as const;
      const tried = ctx.run(
        "tried",
        (step) => (step.attempt === 1 ? Promise.reject(new Error("again")) : "done"),
        options,
      );
      const slept = ctx.sleep("nap", "10s").then(() => ctx.now());
      return ctx.all([tried, slept]);
    });
    const millrace = await scene().open({
      workflows: [holder, flow],
      worker: { steps: 1 },
      parkAfter: "1h",
    });
    const run = await millrace.start(flow);
    await time().pass(500);
    const first = await millrace.start(holder);
    await time().pass(1_000);
    const used = time().uses;
    await time().pass(8_000);
    // Heartbeats and leases go on; a run that asks whenever it can would use the clock without end.
    expect(time().uses - used).toBeLessThan(200);
    await time().pass(3_000);
    const [fired] = only(await scene().log(run.id), "timer.fired");
    expect(fired?.at).toBe((await run.get()).createdAt + 10_000);
    holding.resolve();
    expect(await time().until(run.result())).toEqual(["done", expect.any(Number)]);
    await time().until(first.result());
  });
});
