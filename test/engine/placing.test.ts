/**
 * Steps that need something of their node: they run where it is, never more of them than there is room
 * for, and whatever they do there reaches their run as if they ran at its host.
 */
import { expect, it } from "vitest";
import { graph, type Millrace, RetryableError, type Workflow, workflow } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import { addressOfNode } from "../../src/ports/inbox.ts";
import { faulty } from "./kit/faulty.ts";
import { ALL_STORES, only, onStores, onVirtualTime, refusal, sleep, until } from "./kit/scene.ts";

async function nothingIsTaken(client: Millrace): Promise<void> {
  await until("nothing is taken", async () =>
    (await client.nodes()).every(
      ({ free: left, resources }) => JSON.stringify(left) === JSON.stringify(resources),
    ),
  );
}

onStores(
  "resources of one process",
  (scene) => {
    it("are never taken twice, over all runs, and all come back", async () => {
      let [cpu, most] = [0, 0];
      const flow = graph("costly")
        .step("list", () => [1, 2, 3, 4, 5, 6])
        .map(
          "work",
          { over: "list", resources: { cpu: 1.5 }, retry: { initial: 1 } },
          async (ctx, n) => {
            cpu += 1.5;
            most = Math.max(most, cpu);
            await sleep(3);
            cpu -= 1.5;
            if (n === 2 && ctx.attempt === 1) throw new Error("again");
          },
        )
        .build();
      const millrace = await scene().open({ workflows: [flow], resources: { cpu: 4 } });
      const runs = await Promise.all(Array.from({ length: 5 }, () => millrace.start(flow)));
      await Promise.all(runs.map((run) => run.result()));
      expect(most).toBe(3);
      await nothingIsTaken(millrace);
    });

    it("are not kept from a step that needs much by many that need little", async () => {
      const order: string[] = [];
      const gate = deferred<void>();
      const flow = graph<string>("fair")
        .step("large", { resources: { cpu: 4 } }, () => void order.push("large"))
        .build();
      const small = graph("small")
        .step("list", () => Array.from({ length: 300 }, (_, n) => n))
        .map("tick", { over: "list", resources: { cpu: 1 } }, async (_ctx, n: number) => {
          if (n === 0) await gate.promise;
          await sleep(1);
          order.push("small");
        })
        .build();
      const millrace = await scene().open({ workflows: [flow, small], resources: { cpu: 4 } });
      const many = await millrace.start(small);
      await until("they run", () => order.length > 4);
      const one = await millrace.start(flow, "");
      await until("it waits", async () => (await one.get()).steps[0]?.status === "pending");
      gate.resolve();
      await many.result();
      await one.result();
      expect(order.indexOf("large")).toBeLessThan(200);
    });
  },
  ["memory"],
);

onStores(
  "a step that needs what its run's host has not",
  (scene) => {
    /** A node with the gpu, and one without. Either may host a run. */
    const pair = async (workflows: readonly Workflow[]) => {
      const host = await scene().open({ workflows, node: "host", resources: { cpu: 2 } });
      const gpu = await scene().open({
        workflows,
        node: "gpu",
        resources: { gpu: 1 },
        labels: { zone: "b" },
      });
      await until("they know each other", async () => (await host.nodes()).length === 2);
      return { host, gpu };
    };

    it("runs where it is, with all that a step can do, and is recorded with why", async () => {
      const seen: unknown[] = [];
      const flow = graph<{ word: string }>("remote")
        .step("first", (ctx, { word }) => ({ word, node: ctx.node }))
        .step(
          "train",
          { needs: ["first"], resources: { gpu: 1 }, retry: { initial: 1 }, heartbeat: "5s" },
          async (ctx, { first }) => {
            ctx.heartbeat();
            const { word } = ctx.input as { word: string };
            seen.push([ctx.attempt, await ctx.lastCheckpoint(), word, first.word]);
            if (ctx.attempt === 1) {
              const number = await ctx.checkpoint({ at: 7 }, { by: "me" });
              await ctx.note("fact", number);
              const ref = await ctx.emit("model", "x".repeat(100_000));
              await ctx.emit("summary", ref, { parents: [ref] });
              throw new RetryableError("once more", { afterMs: 1 });
            }
            return { node: ctx.node, big: "y".repeat(100_000) };
          },
        )
        .step("last", { needs: ["train"] }, (ctx, { train }) => [
          train.node,
          train.big.length,
          ctx.node,
        ])
        .build();
      const { host } = await pair([flow]);
      const run = await host.start(flow, { word: "hello" });
      const result = await run.result({ timeoutMs: 25_000 });
      const runHost = (await run.get()).steps[0]?.node;
      expect(result).toEqual(["gpu", 100_000, runHost]);
      expect(seen).toEqual([
        [1, undefined, "hello", "hello"],
        [2, { checkpoint: 1, state: { at: 7 }, metadata: { by: "me" } }, "hello", "hello"],
      ]);
      const events = await scene().log(run.id);
      const started = only(events, "step.started").filter(({ step }) => step === "train");
      expect(started).toMatchObject([{ node: "gpu" }, { node: "gpu", attempt: 2 }]);
      expect(started[0]?.placement).toMatchObject({ request: { resources: { steps: 1, gpu: 1 } } });
      expect(only(events, "output.emitted").map(({ producer }) => producer)).toEqual([
        "train",
        "train",
      ]);
      expect(only(events, "user.noted")).toMatchObject([{ name: "fact", payload: { json: 1 } }]);
      expect(only(events, "anomaly.recorded")).toEqual([]);
      await nothingIsTaken(host);
    });

    it("may be an item, an undo, or a step of a function", async () => {
      const undone: string[] = [];
      const resources = { gpu: 0.5 };
      const flow = graph("parts")
        .step("list", () => [1, 2, 3, 4, 5])
        .map(
          "items",
          { over: "list", resources, labels: { zone: "b" } },
          (ctx, n) => `${ctx.node} ${n}`,
        )
        .step(
          "made",
          {
            needs: ["items"],
            resources,
            undo: (ctx, made) => void undone.push(`${ctx.node} ${made}`),
          },
          (_ctx, { items }) => items.length,
        )
        .step("fails", { needs: ["made"], retry: { maxAttempts: 1 } }, () =>
          Promise.reject(new Error("no")),
        )
        .build();
      const code = workflow("code", async (ctx, word: string) => {
        const here = await ctx.run("here", () => `${word} here`);
        const [one, two] = await ctx.all([
          ctx.run("one", (step) => `${here} ${step.node}`, { resources }),
          ctx.run("two", (step) => step.node, { node: "gpu" }),
        ]);
        return [one, two];
      });
      const { host } = await pair([flow, code]);
      const run = await host.start(flow);
      expect(String(await refusal(run.result({ timeoutMs: 25_000 })))).toContain("no");
      const items = (await run.get()).steps.filter(({ step }) => step.startsWith("items["));
      expect(items.map(({ node, output }) => [node, output])).toEqual(
        [1, 2, 3, 4, 5].map((n) => ["gpu", { json: `gpu ${n}` }]),
      );
      expect(undone).toEqual(["gpu 5"]);
      const called = await host.start(code, "word");
      expect(await called.result({ timeoutMs: 25_000 })).toEqual(["word here gpu", "gpu"]);
      await nothingIsTaken(host);
    });

    it("is stopped with its run, and gives back what it had", async () => {
      const reasons: unknown[] = [];
      const begun = deferred<void>();
      const flow = graph("stopped", { cancelGrace: 20 })
        .step("holds", { resources: { gpu: 1 } }, (ctx) => {
          begun.resolve();
          ctx.signal.addEventListener("abort", () => reasons.push(ctx.signal.reason));
          return new Promise<never>(() => undefined);
        })
        .build();
      const { host } = await pair([flow]);
      const run = await host.start(flow);
      await begun.promise;
      await run.cancel();
      await refusal(run.result());
      await until("it is told", () => reasons.length === 1);
      await nothingIsTaken(host);
    });

    it("goes on elsewhere when that node closes", async () => {
      const gate = deferred<string>();
      const flow = graph("moves")
        .step("only", { resources: { gpu: 1 }, retry: { initial: 1 } }, (ctx) =>
          ctx.node === "gpu" ? gate.promise : ctx.node,
        )
        .build();
      const host = await scene().open({ workflows: [flow], node: "host" });
      const gpu = await scene().open({
        workflows: [flow],
        node: "gpu",
        resources: { gpu: 1 },
        worker: { runs: 1 },
        stopGrace: 1,
      });
      await until("they know each other", async () => (await host.nodes()).length === 2);
      const run = await host.start(flow);
      await until("it runs", async () => (await run.get()).steps[0]?.status === "running");
      await scene().open({ workflows: [flow], node: "gpu-2", resources: { gpu: 1 } });
      await scene().close(gpu);
      expect(await run.result({ timeoutMs: 25_000 })).toBe("gpu-2");
      gate.resolve("late");
      await nothingIsTaken(host);
    });
  },
  ALL_STORES,
);

onStores(
  "an attempt whose host is gone before its node was told to go",
  (scene) => {
    it("has its room kept, and runs when the next host tells it to", async () => {
      const busy = deferred<void>();
      const holding = graph("holding")
        .step("only", () => busy.promise)
        .build();
      const flow = graph("untold")
        .step("only", { node: "worker", retry: { initial: 1 } }, (ctx) => ctx.attempt)
        .build();
      let untold = 0;
      const mute = faulty({
        inbox: (inbox) => ({
          async post(to, bytes) {
            const isGo =
              to === addressOfNode("worker") && Buffer.from(bytes).includes('"kind":"go"');
            if (!isGo) return inbox.post(to, bytes);
            untold++;
            return 0;
          },
        }),
      });
      // It has no place for another run: what runs there was sent.
      const both = { workflows: [flow, holding], node: "worker", worker: { runs: 1 } } as const;
      const worker = await scene().open(both);
      const held = await worker.start(holding);
      await until("it is full", () => worker.hosted === 1);
      const options = { workflows: [flow], stopGrace: 1 } as const;
      const first = await scene().open({ ...options, node: "first", wrap: mute });
      const run = await first.start(flow);
      await until("it is begun, and its node does not know", () => untold > 0);
      await scene().close(first);
      const next = await scene().open({ ...options, node: "next" });
      expect(await next.handle(run.id).result({ timeoutMs: 25_000 })).toBe(1);
      expect(only(await scene().log(run.id), "step.retrying")).toEqual([]);
      busy.resolve();
      await held.result();
      await nothingIsTaken(worker);
    });
  },
  ["memory", "sqlite"],
);

onVirtualTime("a step that no node could ever carry", (scene, time) => {
  const flow = graph("huge")
    .step("first", () => "begun")
    .step("huge", { needs: ["first"], resources: { gpu: 2 } }, () => "done")
    .build();

  it("fails its run before anything of it has begun", async () => {
    const options = { workflows: [flow], resources: { gpu: 1 }, node: "small" } as const;
    const millrace = await scene().open(options);
    const run = await millrace.start(flow);
    const error = (await time().until(refusal(run.result()))) as Error;
    expect(String(error)).toContain(
      "step huge needs steps 1, gpu 2; the nearest, node small, lacks gpu 1",
    );
    expect(only(await scene().log(run.id), "step.started")).toEqual([]);
    expect(time().mono()).toBeGreaterThanOrEqual(6_000);
  });

  it("waits when a node that can comes soon, and runs there", async () => {
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().pass(3_000);
    expect((await run.get()).steps.map(({ status }) => status)).toEqual(["pending", "waiting"]);
    await scene().open({ workflows: [flow], resources: { gpu: 2 } });
    expect(await time().until(run.result())).toBe("done");
  });

  it("fails alone in a function, which may do something else", async () => {
    const code = workflow("either", async (ctx) => {
      const large = ctx.run("large", () => "large", { resources: { gpu: 2 } });
      return large.catch(() => ctx.run("small", () => "small"));
    });
    const millrace = await scene().open({ workflows: [code], resources: { gpu: 1 } });
    const run = await millrace.start(code);
    expect(await time().until(run.result())).toBe("small");
  });
});
