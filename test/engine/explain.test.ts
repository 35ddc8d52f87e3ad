/**
 * Every kind of waiting says what it waits for, since when, until when, who could end it, and what is next:
 * of functions and of graphs.
 */
import { describe, expect, it } from "vitest";
import { evolve } from "../../src/domain/evolve.ts";
import { explain } from "../../src/domain/explain.ts";
import { emptyRun } from "../../src/domain/state.ts";
import {
  graph,
  type MillraceEvent,
  TerminalError,
  type Wait,
  type Workflow,
  workflow,
} from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import { type TestRuntime, testRuntime } from "../../src/testing.ts";

const NONE = { retry: { maxAttempts: 1 } } as const;

/** What a run waits for once nothing goes on without time; and when it began to. */
async function waitsOf(
  flow: Workflow<undefined>,
  then: (sim: TestRuntime, run: string) => Promise<void> = async () => undefined,
): Promise<{ waits: readonly Wait[]; began: number }> {
  await using sim = await testRuntime({ workflows: [flow], worker: { steps: 1 } });
  const began = sim.now();
  const run = await sim.start(flow, undefined, { id: "run" });
  await sim.advance("1m");
  await then(sim, run.id);
  const { waits } = await run.explain();
  for (const { what, since, by, next } of waits) {
    expect(since, what).toBeGreaterThanOrEqual(began);
    expect(since, what).toBeLessThanOrEqual(sim.now());
    for (const text of [what, by, next]) expect(text).toMatch(/\S/);
  }
  return { waits, began };
}

const forever = (): Promise<void> => deferred<void>().promise;

describe.each([
  [
    "a time",
    workflow("f", (ctx) => ctx.sleep("nap", "1h")) as Workflow<undefined>,
    graph("g").sleep("nap", { for: "1h" }).build() as Workflow<undefined>,
    { kind: "timer", what: "sleeps (nap)", by: "the clock" },
    3_600_000,
  ],
  [
    "a signal, until a time",
    workflow("f", (ctx) => ctx.waitFor("word", { timeout: "1h" })) as Workflow<undefined>,
    graph("g").waitFor("word", { timeout: "1h" }).build() as Workflow<undefined>,
    { kind: "signal", what: "waits for signal word", by: "`millrace signal run word`" },
    3_600_000,
  ],
  [
    "a signal, for ever",
    workflow("f", (ctx) => ctx.waitFor("word")) as Workflow<undefined>,
    graph("g").waitFor("word").build() as Workflow<undefined>,
    { kind: "signal", what: "waits for signal word" },
    null,
  ],
  [
    "somebody's decision",
    workflow("f", (ctx) =>
      ctx.approve("go", { prompt: "go?", approvers: ["ada", "grace"], timeout: "1h" }),
    ) as Workflow<undefined>,
    graph("g")
      .approve("go", { prompt: "go?", approvers: ["ada", "grace"], timeout: "1h" })
      .build() as Workflow<undefined>,
    {
      kind: "approval",
      what: "waits for a decision (go): go?; nobody in time means reject",
      by: "ada or grace: `millrace approve run go` or `reject`",
    },
    3_600_000,
  ],
  [
    "its own attempt",
    workflow("f", (ctx) => ctx.run("work", forever, { startToClose: "1h" })) as Workflow<undefined>,
    graph("g").step("work", { startToClose: "1h" }, forever).build() as Workflow<undefined>,
    { kind: "attempt", step: "work", what: "attempt 1 of 4 of step work is running" },
    3_600_000,
  ],
] as const)("a run that waits for %s says so", (_what, code, steps, wait, ms) => {
  it.each([
    ["function", code, "its function goes on"],
    ["graph", steps, "the run ends"],
  ] as const)("as a %s", async (_style, flow, next) => {
    const { waits, began } = await waitsOf(flow);
    expect(waits).toHaveLength(1);
    expect(waits[0]).toMatchObject({ ...wait, since: began, next });
    expect(waits[0]?.until).toBe(ms === null ? null : began + ms);
  });
});

const kinds = async (flow: Workflow<never, unknown>, then?: Parameters<typeof waitsOf>[1]) =>
  (await waitsOf(flow as Workflow<undefined>, then)).waits.map(({ kind, step }) =>
    step === undefined ? kind : `${kind} ${step}`,
  );

const failing = (): never => {
  throw new Error("the printer is on fire");
};

describe("a run says that", () => {
  it("a step is tried again, why, when, and since when", async () => {
    const retry = { initial: "1h", max: "1h", jitter: 0 } as const;
    const flow = graph("g").step("print", { retry }, failing).build() as Workflow<undefined>;
    const { waits, began } = await waitsOf(flow);
    expect(waits).toEqual([
      {
        kind: "retry",
        step: "print",
        what: "step print is tried again (1 of 4 attempts made): the printer is on fire",
        since: began,
        until: began + 3_600_000,
        by: "the clock",
        next: "attempt 2 of step print",
      },
    ]);
  });

  it("a step could run and finds no slot, and what needs what", async () => {
    const flow = graph("g")
      .step("first", forever)
      .step("second", { scheduleToStart: "1h" }, forever)
      .step("last", { needs: ["first", "second"] }, forever)
      .build() as Workflow<undefined>;
    const { waits, began } = await waitsOf(flow);
    expect(waits.map(({ kind, step }) => `${kind} ${step}`)).toEqual([
      "attempt first",
      "placement second",
      "needs last",
    ]);
    expect(waits[1]).toMatchObject({ until: began + 3_600_000, next: "attempt 1 of step second" });
    expect(waits[2]).toMatchObject({ by: "step first, step second", next: "step last" });
    expect(waits[0]?.next).toBe("one need less of step last");
  });

  it("a step that code asked for has no place, and why no node is one", async () => {
    const flow = workflow("f", (ctx) => ctx.run("draw", forever, { labels: { zone: "a" } }));
    const { waits } = await waitsOf(flow as Workflow<undefined>);
    expect(waits).toMatchObject([
      {
        kind: "placement",
        step: "draw",
        what: expect.stringContaining("step draw waits for a place: there is no node "),
        by: "a node that can take it, with steps 1 free",
        nodes: [{ why: "it is not one with zone=a", lacks: {} }],
      },
    ]);
  });

  it("a mapped step waits for its items", async () => {
    const flow = graph("g")
      .step("list", () => [1, 2])
      .map("each", { over: "list" }, forever)
      .build();
    expect(await kinds(flow)).toEqual(["attempt each[0]", "placement each[1]", "items each"]);
  });

  it("nobody has claimed it", async () => {
    await using sim = await testRuntime({ workflows: [] });
    const run = await sim.start(workflow("f", () => 1));
    expect((await run.explain()).waits).toMatchObject([
      { kind: "host", since: sim.now(), until: null, next: "its first steps begin" },
    ]);
  });

  it("somebody has paused it, and what still runs", async () => {
    const flow = graph("g").step("work", forever).waitFor("word").build();
    const paused = await kinds(flow, async (sim, run) => {
      await sim.run(run).pause({ by: "ada", reason: "lunch" });
      await sim.still();
    });
    expect(paused).toEqual(["attempt work", "paused"]);
  });

  it("its code does not fit what is recorded", async () => {
    await using sim = await testRuntime({
      workflows: [workflow("f", (ctx) => ctx.waitFor("old"))],
    });
    const run = await sim.start(workflow("f", (ctx) => ctx.waitFor("old")));
    await sim.advance("1m");
    await sim.restart({ workflows: [workflow("f", (ctx) => ctx.waitFor("new"))] });
    await run.signal("other");
    await sim.advance("1m");
    const { waits, kept } = await run.explain();
    expect(waits[0]?.what).toContain("asked for wait:new where earlier it asked for wait:old");
    expect(kept).toMatchObject([{ name: "other" }]);
  });

  it("it is undoing what it did, and waits for that only", async () => {
    const flow = workflow("f", async (ctx) => {
      const signal = ctx.waitFor("word");
      await ctx.run("book", () => 1, { undo: forever });
      await ctx.run("pay", () => Promise.reject(new TerminalError("no")), NONE);
      return signal;
    });
    expect(await kinds(flow)).toEqual(["attempt book~undo"]);
  });

  it("it is being cancelled, and a step is given its time", () => {
    const state = emptyRun("run");
    const plan = { kind: "code", version: "v", retryBudget: 0 };
    const [at, step] = [5, "work"];
    const events: readonly MillraceEvent[] = [
      { type: "run.created", at, workflow: "f", content: "", input: { json: null }, plan },
      { type: "run.claimed", at, epoch: 1, node: "n", lease: "" },
      { type: "step.scheduled", at, step },
      { type: "step.started", at, step, attempt: 1, node: "n" },
      { type: "wait.opened", at, wait: "word", name: "word", due: null },
      { type: "run.cancelling", at, by: "ada", reason: "enough", until: 9 },
    ];
    for (const event of events) evolve(state, event);
    expect(explain(state).waits).toMatchObject([{ kind: "attempt", step, since: at, until: 9 }]);
  });

  it("its deadline ends whatever it waits for", async () => {
    const flow = workflow("f", { timeout: "10m" }, (ctx) => ctx.waitFor("word", { timeout: "1h" }));
    const { waits, began } = await waitsOf(flow as Workflow<undefined>);
    expect(waits[0]?.until).toBe(began + 600_000);
  });

  it("a signal came that nothing takes: it is kept, and does not count as the one that is missing", async () => {
    await using sim = await testRuntime({
      workflows: [workflow("f", (ctx) => ctx.waitFor("n", { where: (n) => n === 1 }))],
    });
    const run = await sim.start(workflow("f", (ctx) => ctx.waitFor("n")));
    await run.signal("n", 2, { id: "two" });
    await run.signal("m", 3, { id: "three" });
    await sim.still();
    const { waits, kept } = await run.explain();
    expect(waits[0]?.what).toContain("those that came are not what it takes");
    expect(kept.map(({ signal, name }) => [signal, name])).toEqual([
      ["two", "n"],
      ["three", "m"],
    ]);
    await run.signal("n", 1);
    await run.result();
    expect(await run.explain()).toMatchObject({ status: "completed", waits: [] });
  });

  it("more things of one kind are missing than anybody would read: they are counted", async () => {
    const flow = workflow("f", (ctx) =>
      ctx.all(Array.from({ length: 100 }, (_, nth) => ctx.sleep(`nap-${nth}`, "1h"))),
    );
    const { waits } = await waitsOf(flow as Workflow<undefined>);
    expect(waits).toHaveLength(21);
    expect(waits.at(-1)?.what).toBe("80 more like this one: sleeps (nap-19)");
  });

  it("it waits for several things at once, and what each of them leads to", async () => {
    const flow = graph("g")
      .sleep("nap", { for: "1h" })
      .waitFor("word")
      .approve("go", { needs: ["nap"], prompt: "?" })
      .step("end", { needs: ["word", "go"] }, () => 1)
      .build() as Workflow<undefined>;
    const { waits } = await waitsOf(flow);
    expect(waits.map(({ kind, step, next }) => [kind, step, next])).toEqual([
      ["timer", "nap", "step go"],
      ["signal", "word", "one need less of step end"],
      ["needs", "go", "step go"],
      ["needs", "end", "step end"],
    ]);
  });
});
