/**
 * Fencing: of two processes that believe to host a run one wins, by the log alone. The other begins
 * nothing, records nothing, and says so to whoever waits in its steps.
 */
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { graph, isMillraceError, type MillraceError } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import type { NewFrame } from "../../src/ports/event-log.ts";
import type { StepContext } from "../../src/workflow/step-context.ts";
import { faulty, losing } from "./kit/faulty.ts";
import { ALL_STORES, only, onStores, type Scene, sleep, until } from "./kit/scene.ts";

const flowOf = (run: (ctx: StepContext) => unknown) =>
  graph("fenced")
    .step("only", { retry: { initial: 1 } }, run)
    .build();

/** Holds the n-th append of a run's host (1, 2 …), once it is in the log or before. */
function holdAppend(nth: number, side: "before" | "after") {
  const [reached, go] = [deferred<void>(), deferred<void>()];
  let appends = 0;
  const hold = async (frame: NewFrame): Promise<void> => {
    if (frame.expected === 0 || appends !== nth) return;
    reached.resolve();
    await go.promise;
  };
  const log: NonNullable<Parameters<typeof faulty>[0]["log"]> = (real) => ({
    async append(frame, signal) {
      if (frame.expected > 0) appends++;
      if (side === "before") await hold(frame);
      const outcome = await real.append(frame, signal);
      if (side === "after") await hold(frame);
      return outcome;
    },
  });
  return { log, reached: reached.promise, go: () => go.resolve() };
}

onStores(
  "a host that has lost its lease",
  (scene) => {
    const shortLease = { leaseMs: 600, sweepEvery: "1h" } as const;

    it("does not begin what its last commit, answered too late, recorded", async () => {
      const attempts: number[] = [];
      const flow = flowOf((ctx) => {
        attempts.push(ctx.attempt);
        return ctx.attempt;
      });
      const held = holdAppend(1, "after");
      let lost = false;
      const wrap = faulty({ log: held.log, queue: losing(() => lost) });
      const millrace = await scene().open({ workflows: [flow], wrap, ...shortLease });
      const run = await millrace.start(flow);
      await held.reached;
      lost = true;
      await until("it is let go", () => millrace.hosted === 0);
      held.go();
      await sleep(20);
      expect(attempts).toEqual([]);
      lost = false;
      const result = await run.result({ timeoutMs: 25_000 });
      expect(attempts).not.toContain(1);
      expect(attempts.at(-1)).toBe(result);
    });

    it("appends nothing that it had not decided before", async () => {
      const late = deferred<string>();
      const flow = flowOf((ctx) => (ctx.attempt === 1 ? late.promise : "second"));
      let lost = false;
      const wrap = faulty({ queue: losing(() => lost) });
      const millrace = await scene().open({ workflows: [flow], wrap, ...shortLease });
      const run = await millrace.start(flow);
      await until("it runs", async () => (await run.get()).steps[0]?.status === "running");
      lost = true;
      await until("it is let go", () => millrace.hosted === 0);
      // It may have been claimed again by now; what the lost claim has written stays as it is.
      const first = async () =>
        (await scene().log(run.id)).filter(({ writer }) => writer.epoch <= 1).length;
      const before = await first();
      late.resolve("first");
      await sleep(60);
      expect(await first()).toBe(before);
      lost = false;
      expect(await run.result({ timeoutMs: 25_000 })).toBe("second");
    });

    it("refuses what its steps wait to have recorded", async () => {
      const refused = deferred<unknown>();
      const flow = flowOf((ctx) => {
        if (ctx.attempt > 1) return "second";
        return ctx.note("word", 1).catch((error: unknown) => {
          refused.resolve(error);
          return "first";
        });
      });
      const held = holdAppend(2, "before");
      let lost = false;
      const wrap = faulty({ log: held.log, queue: losing(() => lost) });
      const millrace = await scene().open({ workflows: [flow], wrap, ...shortLease });
      const run = await millrace.start(flow);
      await held.reached;
      lost = true;
      await until("it is let go", () => millrace.hosted === 0);
      lost = false;
      await until("it is claimed again", async () => (await run.get()).epoch > 1);
      held.go();
      expect(isMillraceError(await refused.promise, "E_FENCED")).toBe(true);
      expect(await run.result({ timeoutMs: 25_000 })).toBe("second");
    });
  },
  ALL_STORES,
);

/** Two hosts with one ticket each for the same run. */
async function doubled(scene: Scene) {
  const done: string[] = [];
  const reasons: unknown[] = [];
  const go = deferred<void>();
  const flowFor = (who: string) =>
    graph("doubled")
      .step("slow", { retry: { initial: 1 } }, async () => {
        if (who === "one") await go.promise;
        done.push(`${who} slow`);
        return who;
      })
      .step("never", { retry: { initial: 1 } }, (ctx) => {
        if (who === "two") return who;
        ctx.signal.addEventListener("abort", () => reasons.push(ctx.signal.reason));
        return new Promise(() => undefined);
      })
      .step("both", { needs: ["slow", "never"] }, (_ctx, { slow, never }) => `${slow} ${never}`)
      .build();
  const options = { leaseMs: 60_000, sweepEvery: "1h" } as const;
  // It has no place for another run: the second ticket is not for it.
  const worker = { runs: 1 };
  const one = await scene.open({ workflows: [flowFor("one")], node: "one", worker, ...options });
  const run = await one.start("doubled", undefined, { id: "run" });
  await until("both run", async () => {
    const { steps } = await run.get();
    return steps.filter(({ status }) => status === "running").length === 2;
  });
  const file = new DatabaseSync(scene.file);
  file.exec("DELETE FROM tickets");
  file.close();
  const { queue } = await scene.store();
  await queue.offer({ workflow: "doubled", run: "run" });
  const two = await scene.open({ workflows: [flowFor("two")], node: "two", ...options });
  return { run, two, go, done, reasons };
}

onStores(
  "a ticket that is there twice",
  (scene) => {
    it("lets one host win: the other's result is not taken, and its steps are aborted", async () => {
      const { run, go, done, reasons } = await doubled(scene());
      expect(await run.result({ timeoutMs: 25_000 })).toBe("two two");
      go.resolve();
      await until("the first host is told", () => reasons.length === 1);
      expect(isMillraceError(reasons[0], "E_FENCED")).toBe(true);
      expect(done).toEqual(["two slow", "one slow"]);
      const events = await scene().log("run");
      expect(only(events, "run.claimed").map(({ node }) => node)).toEqual(["one", "two"]);
      expect(events.at(-1)?.type).toBe("run.completed");
      const error = reasons[0] as MillraceError;
      expect(error.message).toContain("two in epoch 2");
    });
  },
  ["sqlite"],
);

onStores(
  "many hosts",
  (scene) => {
    it("and tickets offered without end leave one legal log and the right result", async () => {
      const flow = graph("contended")
        .step("list", () => Array.from({ length: 20 }, (_, index) => index))
        .map("work", { over: "list", concurrency: 4 }, async (_ctx, item: number) => {
          await sleep(item % 3);
          return item * 2;
        })
        .step("sum", { needs: ["work"] }, (_ctx, { work }) => work.reduce((a, b) => a + b, 0))
        .build();
      const options = { workflows: [flow], sweepEvery: 20, leaseMs: 60_000 };
      const hosts = await Promise.all(Array.from({ length: 4 }, () => scene().open(options)));
      const { queue } = await scene().store();
      const runs = await Promise.all(hosts.map((host) => host.start(flow)));
      let over = false;
      const offering = (async () => {
        while (!over) {
          for (const { id: run } of runs) await queue.offer({ workflow: "contended", run });
          await sleep(1);
        }
      })();
      for (const run of runs) expect(await run.result({ timeoutMs: 25_000 })).toBe(380);
      over = true;
      await offering;
      for (const run of runs) {
        expect(only(await scene().log(run.id), "run.claimed")).toHaveLength(1);
      }
    });
  },
  ALL_STORES,
);
