/**
 * Failures to look at: a step out of attempts is held, the run waits with this reason, and somebody says
 * what becomes of it. The same for what undoes steps, in graphs and in code.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { expect, it } from "vitest";
import { graph, type Millrace, TerminalError, type Workflow, workflow } from "../../src/index.ts";
import { only, onStores, onVirtualTime, outline, until } from "./kit/scene.ts";

const once = { retry: { maxAttempts: 1 } } as const;
const who = { by: "Ada", reason: "looked at it" } as const;

/** Fails until it is mended. */
class Machine {
  mended = false;
  attempts = 0;
  readonly work = (): string => {
    this.attempts++;
    if (!this.mended) throw new Error("out of paper");
    return "printed";
  };
}

/** Texts only. */
const text: StandardSchemaV1<unknown, string> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      typeof value === "string" ? { value: value.trim() } : { issues: [{ message: "no text" }] },
  },
};

const inGraph = ({ work }: Machine): Workflow<unknown, unknown> =>
  graph("printing", { whenFailed: "hold" })
    .step("print", { ...once, output: text }, work)
    .step("send", { needs: ["print"] }, (_, { print }) => `sent what is ${print}`)
    .build();

const inCode = ({ work }: Machine): Workflow<unknown, unknown> =>
  workflow("printing", async (ctx) => {
    const printed = await ctx.run("print", work, { ...once, whenFailed: "hold", output: text });
    return ctx.run("send", () => `sent what is ${printed}`);
  });

onStores("a step that is held", (scene) => {
  const styles = [
    ["in a graph", inGraph],
    ["in code", inCode],
  ] as const;

  const heldRun = async (make: (machine: Machine) => Workflow<unknown, unknown>) => {
    const machine = new Machine();
    const flow = make(machine);
    const millrace = await scene().open({ workflows: [flow], parkAfter: 1 });
    const run = await millrace.start(flow as Workflow<undefined, unknown>);
    await until("it is parked", async () => (await run.get()).parkedReason !== null);
    return { machine, millrace, run };
  };

  it.each(styles)("%s parks its run, which says why, and is listed", async (_, make) => {
    const { millrace, run } = await heldRun(make);
    expect(await run.get()).toMatchObject({
      status: "parked",
      parkedReason: "held: step print",
      parkedUntil: null,
    });
    const { waits } = await run.explain();
    expect(waits[0]).toMatchObject({ kind: "held", step: "print", until: null });
    expect(waits[0]?.by).toContain(`millrace retry ${run.id} print`);
    const troubles = await millrace.failures();
    expect(troubles).toMatchObject([
      { kind: "held", run: run.id, step: "print", attempt: 1, error: { message: "out of paper" } },
    ]);
  });

  it.each(styles)(
    "%s is retried: as often as its policy says, then held again",
    async (_, make) => {
      const { machine, millrace, run } = await heldRun(make);
      await millrace.retryStep(run.id, "print", who);
      await until("it is held again", async () => (await millrace.failures())[0]?.attempt === 2);
      machine.mended = true;
      await millrace.retryStep(run.id, "print", { ...who, attempts: 3 });
      expect(await run.result({ timeoutMs: 25_000 })).toBe("sent what is printed");
      const events = await scene().log(run.id);
      expect(only(events, "step.rescheduled")).toMatchObject([
        { step: "print", ...who, maxAttempts: 2 },
        { step: "print", ...who, maxAttempts: 5 },
      ]);
      expect(only(events, "step.started").map(({ attempt }) => attempt)).toEqual([1, 2, 3, 1]);
      expect(await millrace.failures()).toEqual([]);
    },
  );

  it.each(styles)("%s is skipped with an output, if that is one", async (_, make) => {
    const { machine, millrace, run } = await heldRun(make);
    const other = await scene().open();
    await other.skipStep(run.id, "print", { ...who, output: 7 });
    await until("it is refused", async () =>
      (await scene().log(run.id)).some(({ type }) => type === "anomaly.recorded"),
    );
    await millrace.skipStep(run.id, "print", { ...who, output: " by hand " });
    expect(await run.result({ timeoutMs: 25_000 })).toBe("sent what is by hand");
    expect(machine.attempts).toBe(1);
    const events = await scene().log(run.id);
    expect(only(events, "step.skipped")).toMatchObject([{ ...who, output: { json: "by hand" } }]);
    expect(only(events, "anomaly.recorded")[0]?.detail).toContain("no text");
  });

  it.each(styles)("%s is failed by somebody, with what it was held for", async (_, make) => {
    const { millrace, run } = await heldRun(make);
    await millrace.failStep(run.id, "print", who);
    await expect(run.result({ timeoutMs: 25_000 })).rejects.toMatchObject({
      code: "E_RUN_FAILED",
      message: expect.stringContaining("out of paper"),
    });
    expect(only(await scene().log(run.id), "step.failed")).toMatchObject([who]);
    expect(await millrace.failures()).toMatchObject([{ kind: "failed", run: run.id, step: null }]);
  });

  it.each(styles)("%s ends with its run when that is cancelled", async (_, make) => {
    const { millrace, run } = await heldRun(make);
    await run.cancel();
    await expect(run.result({ timeoutMs: 25_000 })).rejects.toMatchObject({
      code: "E_RUN_CANCELLED",
    });
    expect(await millrace.failures()).toEqual([]);
  });

  it("refuses what cannot be: of no such step, of one that has ended, of an output that is none", async () => {
    const { machine, millrace, run } = await heldRun(inGraph);
    const code = (promise: Promise<unknown>) =>
      promise.then(
        () => "fine",
        (error: { code: string }) => error.code,
      );
    expect(await code(millrace.retryStep(run.id, "none"))).toBe("E_STEP_NOT_FOUND");
    expect(await code(millrace.failStep(run.id, "send"))).toBe("E_COMMAND_REFUSED");
    expect(await code(millrace.skipStep(run.id, "print", { output: 7 }))).toBe("E_SCHEMA");
    expect(await code(millrace.retryStep(run.id, "print", { attempts: 0 }))).toBe(
      "E_OPTION_INVALID",
    );
    expect(await code(millrace.retryStep("nobody", "print"))).toBe("E_RUN_NOT_FOUND");
    machine.mended = true;
    await millrace.retryStep(run.id, "print");
    await run.result();
    expect(await code(millrace.retryStep(run.id, "print"))).toBe("E_COMMAND_REFUSED");
  });

  it("is retried with another input: a step, an item, the list of a map", async () => {
    const flow = graph<number>("inputs", { whenFailed: "hold" })
      .step("list", (_, n) => n)
      .step("broken", { needs: ["list"], ...once }, (_, { list }): unknown => {
        if (list < 10) throw new Error(`${list} is too small`);
        return list;
      })
      .map("each", { over: "broken", ...once }, (_, item) => {
        if (item === "bad") throw new Error("bad item");
        return `${item}!`;
      })
      .build();
    const millrace = await scene().open({ workflows: [flow], parkAfter: 1 });
    const run = await millrace.start(flow, 1);
    const isHeld = (step: string) =>
      until(`${step} is held`, async () => (await millrace.failures())[0]?.step === step);
    await isHeld("broken");
    await millrace.retryStep(run.id, "broken", { input: { list: 11 } });
    await isHeld("each");
    expect((await millrace.failures())[0]?.error.message).toContain("did not return a list");
    await millrace.retryStep(run.id, "each", { input: ["a", "bad"] });
    await isHeld("each[1]");
    await millrace.retryStep(run.id, "each[1]", { input: "good" });
    expect(await run.result({ timeoutMs: 25_000 })).toEqual(["a!", "good!"]);
  });
});

onStores("an undo that fails for good", (scene) => {
  /** Books three things; the last one cannot be had, and the second cannot be given back. */
  const trip = (machine: Machine, log: string[]) =>
    workflow("trip", { whenUndoFailed: "hold" }, async (ctx) => {
      for (const name of ["flight", "hotel", "car"]) {
        await ctx.run(
          name,
          () => {
            if (name === "car") throw new TerminalError("no cars left");
            log.push(`book ${name}`);
          },
          {
            retry: { initial: 1, max: 1 },
            undo: () => {
              if (name === "hotel") machine.work();
              log.push(`undo ${name}`);
            },
          },
        );
      }
    });

  const heldTrip = async (log: string[]) => {
    const machine = new Machine();
    const flow = trip(machine, log);
    const open = (): Promise<Millrace> => scene().open({ workflows: [flow], parkAfter: 1 });
    const millrace = await open();
    const run = await millrace.start(flow, undefined, { id: "trip" });
    await until("it is parked", async () => (await run.get()).parkedReason !== null);
    return { machine, millrace, run, open };
  };

  it("parks the run with its reason; retried, the rest is undone in order", async () => {
    const log: string[] = [];
    const { machine, millrace, run, open } = await heldTrip(log);
    expect(await run.get()).toMatchObject({
      status: "compensating",
      parkedReason: "held: step hotel~undo",
    });
    expect(machine.attempts).toBe(4);
    expect(await millrace.failures()).toMatchObject([{ kind: "held", step: "hotel~undo" }]);
    await scene().close(millrace);
    machine.mended = true;
    const next = await open();
    await next.retryStep("trip", "hotel~undo", who);
    await expect(next.result("trip", { timeoutMs: 25_000 })).rejects.toThrow("no cars left");
    expect(log).toEqual(["book flight", "book hotel", "undo hotel", "undo flight"]);
  });

  it("is skipped, or left to fail: the others are undone all the same", async () => {
    for (const end of ["skipStep", "failStep"] as const) {
      const log: string[] = [];
      const machine = new Machine();
      const flow = trip(machine, log);
      const millrace = await scene().open({ workflows: [flow], parkAfter: 1 });
      const run = await millrace.start(flow, undefined, { id: `trip-${end}` });
      await until("it is held", async () => (await run.get()).parkedReason !== null);
      await millrace[end](run.id, "hotel~undo", who);
      await expect(run.result({ timeoutMs: 25_000 })).rejects.toThrow("no cars left");
      expect(log.at(-1)).toBe("undo flight");
      await scene().close(millrace);
    }
  });

  it("of a graph is held likewise, and a run held there is not cancelled but terminated", async () => {
    const machine = new Machine();
    const flow = graph("shop")
      .step(
        "pay",
        { whenUndoFailed: "hold", ...once, retry: { initial: 1 }, undo: machine.work },
        () => 1,
      )
      .step("ship", { needs: ["pay"], ...once }, () => {
        throw new Error("lost");
      })
      .build();
    const millrace = await scene().open({ workflows: [flow], parkAfter: 1 });
    const run = await millrace.start(flow);
    await until("it is held", async () => (await run.get()).parkedReason === "held: step pay~undo");
    await expect(run.cancel()).rejects.toMatchObject({ code: "E_COMMAND_REFUSED" });
    await run.terminate();
    expect(outline(await scene().log(run.id)).slice(-2)).toEqual([
      "step.cancelled pay~undo",
      "run.terminated",
    ]);
  });
});

onVirtualTime("a step that hangs", (scene, time) => {
  it("is retried or skipped while it runs; what it still returns comes too late", async () => {
    const hanging: ((value: string) => void)[] = [];
    const hang = () => new Promise<string>((resolve) => hanging.push(resolve));
    const flow = workflow("hanging", async (ctx) => [
      await ctx.run("one", hang, once),
      await ctx.run("two", hang, once),
    ]);
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().still();
    await millrace.retryStep(run.id, "one", who);
    await time().still();
    hanging[0]?.("too late");
    hanging[1]?.("second attempt");
    await time().still();
    await millrace.skipStep(run.id, "two", { ...who, output: "skipped" });
    expect(await time().until(run.result())).toEqual(["second attempt", "skipped"]);
    const anomalies = only(await scene().log(run.id), "anomaly.recorded");
    expect(anomalies).toMatchObject([{ kind: "late-report", step: "one" }]);
  });

  it("of an undo too", async () => {
    const hanging: (() => void)[] = [];
    const flow = workflow("undoing", async (ctx) => {
      for (const name of ["a", "b"]) {
        await ctx.run(name, () => name, {
          undo: () => new Promise<void>((done) => hanging.push(done)),
        });
      }
      throw new Error("no");
    });
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().still();
    await millrace.retryStep(run.id, "b~undo", who);
    await time().still();
    hanging[1]?.();
    await time().still();
    await millrace.skipStep(run.id, "a~undo", who);
    await expect(time().until(run.result())).rejects.toThrow("no");
    const ended = outline(await scene().log(run.id)).filter((line) => line.includes("~undo"));
    expect(ended.slice(-1)).toEqual(["step.skipped a~undo"]);
  });

  it("waits for its next attempt no longer when it is retried", async () => {
    const machine = new Machine();
    const flow = graph("slow")
      .step("only", { retry: { initial: "1h" } }, machine.work)
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().pass(5_000);
    machine.mended = true;
    await millrace.retryStep(run.id, "only", who);
    await time().still();
    expect(await run.get()).toMatchObject({ status: "completed", steps: [{ attempt: 2 }] });
  });
});
