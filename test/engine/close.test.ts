/**
 * Graceful close: what runs may end within the grace and is recorded, nothing begins any more, and
 * everything unfinished is given back at once.
 */
import { expect, it } from "vitest";
import { graph, isMillraceError, workflow } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import { faulty } from "./kit/faulty.ts";
import { ALL_STORES, only, onStores, outline, refusal, sleep, until } from "./kit/scene.ts";

/** What a host whose process is gone would hold its runs for. */
const LONG_LEASE = { leaseMs: 600_000, sweepEvery: "1h" } as const;

onStores(
  "close",
  (scene) => {
    it("waits for what runs, records it, and begins nothing more", async () => {
      const executed: string[] = [];
      const flow = workflow("two-steps", async (ctx) => {
        await ctx.run("first", async () => {
          executed.push("first");
          await sleep(60);
        });
        await ctx.run("second", () => void executed.push("second"));
      });
      const slow = faulty({
        log: (log) => ({
          async append(frame, signal) {
            await sleep(40);
            return log.append(frame, signal);
          },
        }),
      });
      const millrace = await scene().open({ workflows: [flow], wrap: slow, ...LONG_LEASE });
      const run = await millrace.start(flow);
      await until("it runs", () => executed.length === 1);
      await scene().close(millrace);
      expect(executed).toEqual(["first"]);
      const events = await scene().log(run.id);
      expect(outline(events).slice(-2)).toEqual(["step.completed first", "step.scheduled second"]);
      const other = await scene().open({ workflows: [flow], ...LONG_LEASE });
      await other.handle(run.id).result({ timeoutMs: 25_000 });
      expect(executed).toEqual(["first", "second"]);
    });

    it("aborts what does not end within the grace, and another goes on at once", async () => {
      const reasons: unknown[] = [];
      const flow = graph("stubborn")
        .step("only", { retry: { initial: 1 } }, (ctx) => {
          if (ctx.attempt > 1) return "second";
          ctx.signal.addEventListener("abort", () => reasons.push(ctx.signal.reason));
          return new Promise(() => undefined);
        })
        .build();
      const options = { workflows: [flow], stopGrace: 30, ...LONG_LEASE };
      const millrace = await scene().open(options);
      const run = await millrace.start(flow);
      await until("it runs", async () => (await run.get()).steps[0]?.status === "running");
      const other = await scene().open(options);
      await scene().close(millrace);
      expect(reasons).toHaveLength(1);
      expect(isMillraceError(reasons[0], "E_FENCED")).toBe(true);
      expect(await other.handle(run.id).result({ timeoutMs: 25_000 })).toBe("second");
      const [lost] = only(await scene().log(run.id), "step.retrying");
      expect(lost?.error.code).toBe("E_STEP_LOST");
    });

    it("gives back what it was just about to host", async () => {
      const flow = graph("arriving")
        .step("only", () => "ran")
        .build();
      const [reading, go] = [deferred<void>(), deferred<void>()];
      const slow = faulty({
        log: (log) => ({
          async *read(range) {
            if (range.run !== undefined) {
              reading.resolve();
              await go.promise;
            }
            yield* log.read(range);
          },
        }),
      });
      const client = await scene().open({ workflows: [flow], worker: false });
      const run = await client.start(flow);
      // Without its hint the ticket's run has to be read.
      const store = await scene().store();
      const { signal } = new AbortController();
      for (const claim of await store.queue.claim({ workflows: ["arriving"], max: 1, signal })) {
        await claim.ack();
      }
      await store.queue.offer({ workflow: "arriving", run: run.id });
      const options = { workflows: [flow], ...LONG_LEASE };
      const millrace = await scene().open({ ...options, wrap: slow });
      await reading.promise;
      let closed = false;
      const closing = scene()
        .close(millrace)
        .then(() => {
          closed = true;
        });
      await sleep(20);
      expect(closed).toBe(false);
      go.resolve();
      await closing;
      expect(outline(await scene().log(run.id))).toEqual(["run.created"]);
      const other = await scene().open(options);
      expect(await other.handle(run.id).result({ timeoutMs: 25_000 })).toBe("ran");
    });

    it("lets go of everything though the registry of nodes cannot be reached", async () => {
      const reasons: unknown[] = [];
      const flow = graph("held")
        .step("only", (ctx) => {
          ctx.signal.addEventListener("abort", () => reasons.push(ctx.signal.reason));
          return ctx.attempt > 1 ? "second" : new Promise(() => undefined);
        })
        .build();
      const unreachable = faulty({
        nodes: (nodes) => ({
          announce: (info) =>
            info.draining ? Promise.reject(new Error("no such registry")) : nodes.announce(info),
        }),
      });
      const options = { workflows: [flow], stopGrace: 10, ...LONG_LEASE };
      const millrace = await scene().open({ ...options, wrap: unreachable });
      const run = await millrace.start(flow);
      await until("it runs", async () => (await run.get()).steps[0]?.status === "running");
      expect(await refusal(scene().close(millrace))).toMatchObject({ message: "no such registry" });
      expect(reasons.map((reason) => isMillraceError(reason, "E_FENCED"))).toEqual([true]);
      const other = await scene().open(options);
      expect(await other.handle(run.id).result({ timeoutMs: 25_000 })).toBe("second");
    });

    it("is the same promise the second time, and refuses every call afterwards", async () => {
      const flow = graph("any")
        .step("only", () => 1)
        .build();
      const millrace = await scene().open({ workflows: [flow] });
      const run = await millrace.start(flow);
      await run.result();
      const waiting = refusal(millrace.handle("nobody").result());
      const closing = millrace.close();
      expect(millrace.close()).toBe(closing);
      await closing;
      const calls: readonly (() => Promise<unknown>)[] = [
        () => millrace.start(flow),
        () => millrace.get(run.id),
        () => millrace.list(),
        () => millrace.signal(run.id, "word"),
        () => run.result(),
      ];
      for (const call of calls) {
        expect(await refusal(call())).toMatchObject({ code: "E_STORE_CLOSED" });
      }
      expect(await waiting).toMatchObject({ code: "E_STORE_CLOSED" });
    });
  },
  ALL_STORES,
);
