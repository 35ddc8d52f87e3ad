/**
 * Children beside what operators and others do to their parents: steps that are child runs are held, retried,
 * skipped and failed; runs that branch off have children of their own; what a run begins keeps to limits.
 */
import { expect, it } from "vitest";
import { graph, type Millrace, TerminalError, workflow } from "../../src/index.ts";
import { admitted } from "./flow-kit.ts";
import { only, onStores, refusal, until } from "./kit/scene.ts";

const who = { by: "Ada", reason: "looked at it" } as const;

/** Fails until it is mended; counts how often it was tried. */
class Printer {
  mended = false;
  tries = 0;
  readonly flow = workflow("print", (ctx, pages: number) =>
    ctx.run(
      "print",
      () => {
        this.tries++;
        if (!this.mended) throw new TerminalError("out of paper");
        return `${pages} pages`;
      },
      { retry: { maxAttempts: 1 } },
    ),
  );
}

const styles = [
  [
    "a graph",
    ({ flow }: Printer) =>
      graph<number>("parent", { whenFailed: "hold" })
        .child("copy", { workflow: flow })
        .step("send", { needs: ["copy"] }, (_ctx, { copy }) => `sent ${copy}`)
        .build(),
  ],
  [
    "code",
    ({ flow }: Printer) =>
      workflow("parent", { whenFailed: "hold" }, async (ctx, pages: number) => {
        const copy = await ctx.child("copy", flow, pages);
        return ctx.run("send", () => `sent ${copy}`);
      }),
  ],
] as const;

onStores("a child step that is held", (scene) => {
  const held = async (make: (printer: Printer) => ReturnType<(typeof styles)[number][1]>) => {
    const printer = new Printer();
    const flow = make(printer);
    const millrace = await scene().open({ workflows: [flow, printer.flow], parkAfter: 1 });
    const run = await millrace.start(flow, 3, { id: "p" });
    await until("it is held", async () => (await run.get()).steps[0]?.status === "held");
    return { printer, millrace, run };
  };
  const childrenOf = async (millrace: Millrace) =>
    (await millrace.search({ parent: "p" })).runs.map(({ status }) => status).reverse();

  it.each(styles)("in %s is listed, and its retry is a run of its own", async (_style, make) => {
    const { printer, millrace, run } = await held(make);
    expect((await millrace.failures({ workflow: "parent" }))[0]).toMatchObject({
      kind: "held",
      step: "copy",
      error: { code: "E_CHILD_FAILED" },
    });
    printer.mended = true;
    await millrace.retryStep("p", "copy", who);
    expect(await run.result()).toBe("sent 3 pages");
    expect(await childrenOf(millrace)).toEqual(["failed", "completed"]);
    expect(printer.tries).toBe(2);
    expect(only(await scene().log("p"), "child.requested")).toHaveLength(2);
  });

  it.each(styles)("in %s is skipped with what stands in for its result", async (_style, make) => {
    const { millrace, run } = await held(make);
    await millrace.skipStep("p", "copy", { ...who, output: "a note" });
    expect(await run.result()).toBe("sent a note");
    expect(await childrenOf(millrace)).toEqual(["failed"]);
  });

  it.each(styles)("in %s fails its run when that is what is wanted", async (_style, make) => {
    const { millrace, run } = await held(make);
    await millrace.failStep("p", "copy", who);
    expect(await refusal(run.result())).toMatchObject({ code: "E_RUN_FAILED" });
    expect(await childrenOf(millrace)).toEqual(["failed"]);
  });
});

const waiting = workflow("waiting", (ctx) => ctx.waitFor<string>("word"));

onStores("a fork of a run with a child that is open", (scene) => {
  it("has a child of its own; the other goes on, and reports to its own parent only", async () => {
    const parent = workflow("parent", async (ctx, name: string) => {
      const greeting = await ctx.run("greet", () => `hello ${name}`);
      return `${greeting}: ${await ctx.child("talk", waiting, undefined)}`;
    });
    const millrace = await scene().open({ workflows: [parent, waiting], parkAfter: 1 });
    const run = await millrace.start(parent, "ada", { id: "origin" });
    const childOf = async (of: string): Promise<string> => {
      let child: string | undefined;
      await until(`${of} has a child that waits`, async () => {
        const [found] = (await millrace.search({ parent: of, statuses: ["parked"] })).runs;
        child = found?.run;
        return child !== undefined;
      });
      return child ?? "";
    };
    const first = await childOf("origin");
    const { seq } = await run.get();
    const fork = await millrace.fork<string>("origin", { seq, id: "branch" });
    const second = await childOf("branch");
    expect(second).not.toBe(first);
    await millrace.signal(second, "word", "from the branch");
    expect(await fork.result()).toBe("hello ada: from the branch");
    expect((await run.get()).status).not.toBe("completed");
    await millrace.signal(first, "word", "from the origin");
    expect(await run.result()).toBe("hello ada: from the origin");
    expect(only(await scene().log("branch"), "anomaly.recorded")).toEqual([]);
    // What was done before the fork was done once.
    expect(only(await scene().log("branch"), "step.started")).toEqual([]);
  });

  it("cancelled with its parent gone on leaves the other's child alone", async () => {
    const parent = workflow("parent", (ctx) => ctx.child("talk", waiting, undefined));
    const millrace = await scene().open({ workflows: [parent, waiting] });
    const run = await millrace.start(parent, undefined, { id: "origin" });
    const open = () => millrace.search({ workflow: "waiting", statuses: ["parked"] });
    await until("its child waits", async () => (await open()).runs.length === 1);
    const fork = await millrace.fork("origin", { seq: (await run.get()).seq, id: "branch" });
    await until("both children wait", async () => (await open()).runs.length === 2);
    await fork.cancel();
    expect(await refusal(fork.result())).toMatchObject({ code: "E_RUN_CANCELLED" });
    await until("its child is gone", async () => (await open()).runs.length === 1);
    const [left] = (await open()).runs;
    expect(left?.parent?.run).toBe("origin");
    await millrace.signal(left?.run ?? "", "word", "still here");
    expect(await run.result()).toBe("still here");
  });
});

onStores("runs that runs begin", (scene) => {
  const one = { flow: { concurrency: { limit: 1 } } } as const;

  it("as the next of a chain ask anew, and let in who waits longer before", async () => {
    const loop = workflow("loop", one, async (ctx, left: number) => {
      await ctx.waitFor("go");
      return left > 1 ? ctx.continueAsNew(left - 1) : "done";
    });
    const millrace = await scene().open({ workflows: [loop] });
    const first = await millrace.start(loop, 2, { id: "first" });
    await until("it is let in", async () => (await admitted(scene())).length === 1);
    const other = await millrace.start(loop, 1, { id: "other" });
    const waits = async () => (await millrace.limits())[0]?.waiting === 1;
    await until("the other waits", waits);
    await millrace.signal("first", "go");
    await until("the other is let in", async () => (await admitted(scene())).length === 2);
    expect((await admitted(scene()))[1]).toBe("other");
    await until("the next of the chain waits", waits);
    await millrace.signal("other", "go");
    expect(await other.result()).toBe("done");
    await millrace.signal("first", "go");
    expect(await first.result()).toBe("done");
    expect(await admitted(scene())).toHaveLength(3);
  });

  it("as children are at work one after the other, whatever their parent's concurrency", async () => {
    let [now, most] = [0, 0];
    const job = workflow("job", one, (ctx, no: number) =>
      ctx.run("work", async () => {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setTimeout(resolve, 2));
        now--;
        return no;
      }),
    );
    const parent = graph<number[]>("parent")
      .step("list", (_ctx, numbers) => numbers)
      .child("jobs", { over: "list", workflow: job })
      .build();
    const millrace = await scene().open({ workflows: [parent, job] });
    const run = await millrace.start(parent, [1, 2, 3, 4]);
    expect(await run.result()).toEqual([1, 2, 3, 4]);
    expect([most, (await admitted(scene())).length]).toEqual([1, 4]);
  });
});
