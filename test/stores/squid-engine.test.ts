/**
 * The acceptance tests of Squid Mesh that are about its engine, by number (docs/seeds.md); those about
 * its store are in step-run-store.test.ts.
 */
import { expect, it } from "vitest";
import { graph, type Millrace, TerminalError, workflow } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import { Process } from "../../src/testing/simulation/process.ts";
import { faulty } from "../engine/kit/faulty.ts";
import { ALL_STORES, only, onStores, outline, refusal, until } from "../engine/kit/scene.ts";

const once = { retry: { maxAttempts: 1 } };

/** Waits until the run's log holds such an event. */
async function seen(millrace: Millrace, run: string, type: string, step?: string): Promise<void> {
  for await (const event of millrace.handle(run).events()) {
    if (event.type === type && (step === undefined || ("step" in event && event.step === step)))
      return;
  }
}

onStores(
  "Squid Mesh",
  (scene) => {
    it("9: a join waits for everything it needs, and a delivery that comes too early changes nothing", async () => {
      const gate = deferred<string>();
      const join = graph("join")
        .step("a", () => "a")
        .step("b", () => gate.promise)
        .step("join", { needs: ["a", "b"] }, (_, { a, b }) => `${a}${b}`)
        .build();
      const millrace = await scene().open({ workflows: [join] });
      const run = await millrace.start(join);
      await seen(millrace, run.id, "step.completed", "a");
      const before = outline(await scene().log(run.id));
      await millrace.store.queue.offer({ workflow: "join", run: run.id });
      const other = await scene().open({ workflows: [join] });
      await other.store.queue.offer({ workflow: "join", run: run.id });
      expect(outline(await scene().log(run.id))).toEqual(before);
      expect(before).not.toContain("step.scheduled join");
      gate.resolve("b");
      expect(await run.result()).toBe("ab");
    });

    it("10: what needs a step that failed never runs, and the run fails", async () => {
      const flow = graph("one-fails")
        .step("good", () => 1)
        .step("bad", once, () => {
          throw new TerminalError("no");
        })
        .step("join", { needs: ["good", "bad"] }, () => "never")
        .build();
      const millrace = await scene().open({ workflows: [flow] });
      const run = await millrace.start(flow);
      expect(await refusal(run.result())).toMatchObject({ code: "E_RUN_FAILED" });
      expect(outline(await scene().log(run.id)).filter((line) => line.endsWith(" join"))).toEqual(
        [],
      );
    });

    it("13: the way for errors is taken after the last retry; waits double, up to the maximum", async () => {
      const retry = { maxAttempts: 5, initial: 4, factor: 2, max: 10, jitter: 0 };
      const flow = workflow("detour", async (ctx) => {
        try {
          return await ctx.run("shaky", () => Promise.reject(new Error("always")), { retry });
        } catch {
          return ctx.run("detour", () => "detour");
        }
      });
      const millrace = await scene().open({ workflows: [flow] });
      const run = await millrace.start(flow);
      expect(await run.result()).toBe("detour");
      const events = await scene().log(run.id);
      const waits = only(events, "step.retrying").map(({ at, retryAt }) => retryAt - at);
      expect(waits).toEqual([4, 8, 10, 10]);
      const lines = outline(events);
      expect(lines.indexOf("step.scheduled detour")).toBeGreaterThan(
        lines.indexOf("step.failed shaky"),
      );
    });

    it("14: a running run is cancelling until its step has ended, then cancelled, and then nothing more", async () => {
      const flow = workflow("long", (ctx) =>
        ctx.run(
          "long",
          ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)),
        ),
      );
      const millrace = await scene().open({ workflows: [flow] });
      const run = await millrace.start(flow);
      await seen(millrace, run.id, "step.started");
      await run.cancel();
      expect(await refusal(run.result())).toMatchObject({ code: "E_RUN_CANCELLED" });
      const lines = outline(await scene().log(run.id));
      expect(lines.slice(lines.indexOf("run.cancelling"))).toEqual([
        "run.cancelling",
        "step.cancelled long",
        "run.cancelled",
      ]);
      expect(await refusal(run.cancel())).toMatchObject({ code: "E_COMMAND_REFUSED" });
    });

    it("16: neither a lost wake-up nor a process that dies between two frames loses or doubles anything", async () => {
      const applied: string[] = [];
      const flow = graph("effects")
        .step("one", (ctx) => applied.push(ctx.idempotencyKey))
        .step("two", { needs: ["one"] }, (ctx) => applied.push(ctx.idempotencyKey))
        .build();
      const deaf = await scene().open({
        wrap: faulty({ queue: () => ({ offer: async () => undefined }) }),
      });
      // Its ticket is lost: recorded, and nobody told.
      const run = await deaf.start(flow, undefined, { id: "unheard" });
      const doomed = new Process();
      const died = deferred<void>();
      const first = await scene().open({
        workflows: [flow],
        leaseMs: 600,
        sweepEvery: 100,
        wrap: (store) =>
          doomed.wrap(
            faulty({
              log: (log) => ({
                async append(frame, signal) {
                  const outcome = await log.append(frame, signal);
                  // What was just stored says that step one has completed; its answer reaches nobody.
                  if (applied.length === 1) {
                    doomed.kill();
                    died.resolve();
                  }
                  return outcome;
                },
              }),
            })(store),
          ),
      });
      expect(first.hosted).toBe(0);
      await died.promise;
      await scene().open({ workflows: [flow], leaseMs: 600, sweepEvery: 100 });
      await run.result();
      expect(applied.filter((key) => key.endsWith("/one"))).toHaveLength(1);
      const completed = only(await scene().log(run.id), "step.completed").map(({ step }) => step);
      expect(completed).toEqual(["one", "two"]);
    });

    it("18: a stale expected revision is a conflict, and nothing is written", async () => {
      const { log } = await scene().store();
      const frame = (text: string, expected: number) =>
        log.append({ workflow: "w", run: "raw", expected, bytes: Buffer.from(text) });
      scene().spoil("raw");
      const first = await frame("one", 0);
      if (!first.ok) throw new Error("refused");
      expect(await frame("two", first.position)).toMatchObject({ ok: true });
      const head = await log.head("raw");
      expect(await frame("three", first.position)).toEqual({ ok: false, head });
      expect(await log.head("raw")).toBe(head);
    });

    it("19: what was done irreversibly is done again only where exactly `true` allows it", async () => {
      let sent = 0;
      const flow = graph("letters")
        .step("write", () => "dear")
        .step("post", { needs: ["write"], irreversible: true }, () => ++sent)
        .step("file", { needs: ["post"] }, (_, { post }) => post)
        .build();
      const code = workflow("letter", async (ctx) => {
        await ctx.run("write", () => "dear");
        return ctx.run("post", () => ++sent, { irreversible: true });
      });
      const millrace = await scene().open({ workflows: [flow, code] });
      for (const definition of [flow, code]) {
        const run = await millrace.start(definition.name);
        const posted = await run.result();
        const again = { from: "write" } as const;
        const refused = await refusal(millrace.rerun(run.id, again));
        expect(refused).toMatchObject({ code: "E_IRREVERSIBLE", details: { steps: ["post"] } });
        expect(await refusal(millrace.fork(run.id, { seq: 1 }))).toMatchObject({
          code: "E_IRREVERSIBLE",
        });
        for (const almost of [1, "true", {}]) {
          const options = { ...again, allowIrreversible: almost as unknown as boolean };
          expect(await refusal(millrace.rerun(run.id, options))).toMatchObject({
            code: "E_OPTION_INVALID",
          });
        }
        const before = sent;
        const allowed = await millrace.rerun(run.id, { ...again, allowIrreversible: true });
        expect([posted, await allowed.result(), sent]).toEqual([before, before + 1, before + 1]);
        const { seq } = await run.get();
        expect(await (await millrace.fork(run.id, { seq: seq - 1 })).result()).toBe(posted);
      }
    });

    it("20: the same id with the same input is the same run, and with another is refused", async () => {
      const flow = workflow("tick", (ctx, at: number) => ctx.run("work", () => at));
      const [one, other] = [await scene().open({ workflows: [flow] }), await scene().open()];
      const starts = [one, other, one, other].map((from) => from.start(flow, 7, { id: "tick-7" }));
      const runs = await Promise.all(starts);
      expect(new Set(runs.map(({ id }) => id))).toEqual(new Set(["tick-7"]));
      expect(await runs[0]?.result()).toBe(7);
      expect(only(await scene().log(), "run.created")).toHaveLength(1);
      expect(await refusal(other.start(flow, 8, { id: "tick-7" }))).toMatchObject({
        code: "E_RUN_CONFLICT",
      });
    });

    it("21: what was done is undone in the opposite order of completion, facts noted in between or not", async () => {
      const undone: string[] = [];
      const undo = (name: string) => ({ ...once, undo: () => void undone.push(name) });
      const flow = workflow("saga", async (ctx) => {
        await ctx.run("a", () => "a", undo("a"));
        await ctx.run("b", async (step) => step.note("metadata", { changed: true }), undo("b"));
        await ctx.run("c", () => Promise.reject(new TerminalError("no")), undo("c"));
      });
      const millrace = await scene().open({ workflows: [flow] });
      const run = await millrace.start(flow);
      expect(await refusal(run.result())).toMatchObject({ code: "E_RUN_FAILED" });
      expect(undone).toEqual(["b", "a"]);
    });
  },
  ALL_STORES,
);

onStores("a run without a ticket", (scene) => {
  it("is found by whoever starts to look", async () => {
    const flow = workflow("quiet", () => "done");
    const deaf = await scene().open({
      wrap: faulty({ queue: () => ({ offer: async () => undefined }) }),
    });
    const run = await deaf.start(flow, undefined, { id: "quiet" });
    await scene().open({ workflows: [flow] });
    await until("it is hosted", async () => (await run.get()).status === "completed");
  });
});
