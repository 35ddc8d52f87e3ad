/**
 * A situation for each reason why a run can wait, on real runs in simulated time: what `explain` says of it. A
 * kind of waiting without a situation fails here, and so does a situation that is not told.
 */
import { describe, expect, it } from "vitest";
import { evolve } from "../../src/domain/evolve.ts";
import { explain } from "../../src/domain/explain.ts";
import { emptyRun } from "../../src/domain/state.ts";
import { waitKinds } from "../../src/domain/wait.ts";
import {
  graph,
  type MillraceEvent,
  TerminalError,
  type Wait,
  type Workflow,
  workflow,
} from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import { type TestRuntime, type TestRuntimeOptions, testRuntime } from "../../src/testing.ts";

/** How a run comes to wait, and one of the waits that it then has. */
interface Situation {
  readonly kind: Wait["kind"];
  readonly name: string;
  /** What a worker hosts; none: nobody is there. */
  readonly workflows: readonly Workflow<never, unknown>[];
  readonly options?: Partial<TestRuntimeOptions>;
  /** @default a run of the first workflow is started */
  readonly begin?: (sim: TestRuntime) => Promise<void>;
  /** In place of a real run: events of one, folded. */
  readonly events?: readonly MillraceEvent[];
  readonly wait: { readonly [Field in keyof Wait]?: Wait[Field] | RegExp };
}

const forever = (): Promise<void> => deferred<void>().promise;
const fail = (): never => {
  throw new TerminalError("out of paper");
};
const HOUR_MS = 3_600_000;
const NOTHING = { json: null };
const CODE = { kind: "code", version: "v", retryBudget: 0 };
const FUTURE = expect.any(Number) as unknown as number;

const work = workflow("work", (ctx) => ctx.run("do", forever));
const idle = workflow("idle", (ctx) => ctx.waitFor("word"));
const versioned = (version: string) =>
  workflow("versioned", { version }, (ctx) => ctx.waitFor(`word-${version}`));

const start = (flow: Workflow<never, unknown>) => async (sim: TestRuntime) => {
  await sim.start(flow as Workflow<undefined, unknown>, undefined, { id: "run" });
};
const twice = async (sim: TestRuntime): Promise<void> => {
  await sim.start("jobs", "k", { id: "before" });
  await sim.start("jobs", "k", { id: "run" });
};
const jobs = (flow: object) =>
  workflow("jobs", { flow }, (ctx, _key: unknown) => ctx.waitFor("go"));

const situations: readonly Situation[] = [
  {
    kind: "host",
    name: "there is no worker at all",
    workflows: [],
    begin: start(idle),
    wait: { what: "no process that is up has workflow idle", until: null },
  },
  {
    kind: "host",
    name: "nobody has its version any more",
    workflows: [versioned("1")],
    begin: async (sim) => {
      await start(versioned("1"))(sim);
      await sim.advance("1m");
      await sim.restart({ workflows: [versioned("2")] });
    },
    wait: { what: "no process that is up has version 1 of workflow versioned" },
  },
  {
    kind: "attempt",
    name: "a step's code runs",
    workflows: [work],
    wait: { step: "do", what: "attempt 1 of 4 of step do is running" },
  },
  {
    kind: "attempt",
    name: "what was done is being undone",
    workflows: [
      workflow("undoing", async (ctx) => {
        await ctx.run("book", () => 1, { undo: forever });
        await ctx.run("pay", fail);
      }),
    ],
    wait: { step: "book~undo", what: /of step book~undo is running/ },
  },
  {
    kind: "start",
    name: "as many steps of the run are at work as may be at once",
    workflows: [graph("bounded", { concurrency: 1 }).step("a", forever).step("b", forever).build()],
    options: { worker: { steps: 5 } },
    wait: {
      step: "b",
      what: /the run's bound of 1 at once is reached/,
      by: /^the end of a step/,
    },
  },
  {
    kind: "placement",
    name: "no node has a free slot",
    workflows: [graph("crowded").step("a", forever).step("b", forever).build()],
    options: { worker: { steps: 1 } },
    wait: { step: "b", what: /^step b waits for a place: / },
  },
  {
    kind: "placement",
    name: "no node has what a step needs",
    workflows: [
      graph("heavy")
        .step("a", { resources: { gpu: 1 } }, forever)
        .build(),
    ],
    wait: { step: "a", what: /gpu/ },
  },
  {
    kind: "retry",
    name: "a step has failed and is tried again",
    workflows: [
      graph("flaky")
        .step("a", { retry: { initial: "1h", max: "1h" } }, () => Promise.reject(new Error("no")))
        .build(),
    ],
    wait: { step: "a", what: "step a is tried again (1 of 4 attempts made): no", until: FUTURE },
  },
  {
    kind: "needs",
    name: "a step needs another one",
    workflows: [
      graph("row")
        .step("a", forever)
        .step("b", { needs: ["a"] }, () => 1)
        .build(),
    ],
    wait: { step: "b", what: "step b needs a", by: "step a" },
  },
  {
    kind: "items",
    name: "a mapped step has items left",
    workflows: [
      graph("wide")
        .step("list", () => [1, 2])
        .map("each", { over: "list" }, forever)
        .build(),
    ],
    wait: { step: "each", what: "step each has 2 of 2 items left" },
  },
  {
    kind: "child",
    name: "a run that does a step's work has not ended",
    workflows: [workflow("parent", (ctx) => ctx.child("kid", idle)), idle],
    wait: { step: "kid", what: /^step kid: run \S+ of workflow idle has not ended$/ },
  },
  {
    kind: "held",
    name: "a step is out of attempts and is held",
    workflows: [graph("printing", { whenFailed: "hold" }).step("print", fail).build()],
    wait: { step: "print", what: /out of paper/, by: /`millrace retry run print`/ },
  },
  {
    kind: "held",
    name: "what undoes a step is out of attempts and is held",
    workflows: [
      workflow("stuck-undo", { whenUndoFailed: "hold" }, async (ctx) => {
        await ctx.run("book", () => 1, { undo: fail });
        await ctx.run("pay", fail);
      }),
    ],
    wait: { step: "book~undo", what: /out of paper/ },
  },
  {
    kind: "fault",
    name: "its code does not fit what is recorded",
    workflows: [workflow("changed", (ctx) => ctx.waitFor("old"))],
    begin: async (sim) => {
      const run = await sim.start("changed", undefined, { id: "run" });
      await sim.restart({ workflows: [workflow("changed", (ctx) => ctx.waitFor("new"))] });
      await run.signal("other");
    },
    wait: { what: /asked for wait:new where earlier it asked for wait:old/ },
  },
  {
    kind: "timer",
    name: "it sleeps",
    workflows: [workflow("sleepy", (ctx) => ctx.sleep("nap", "1h"))],
    wait: { what: "sleeps (nap)", until: FUTURE },
  },
  {
    kind: "timer",
    name: "its start is delayed",
    workflows: [idle],
    begin: async (sim) => void (await sim.start(idle, undefined, { id: "run", delay: "1h" })),
    wait: { what: "does not begin before its time", until: FUTURE },
  },
  {
    kind: "timer",
    name: "its start is debounced",
    workflows: [jobs({ debounce: { for: "1h", key: (key: unknown) => String(key) } })],
    begin: async (sim) => void (await sim.start("jobs", "k")),
    wait: { what: "waits for quiet among starts with key k: 1 start so far", until: FUTURE },
  },
  {
    kind: "timer",
    name: "its starts are collected into a batch",
    workflows: [jobs({ batch: { max: 5, within: "1h" } })],
    begin: twice,
    wait: { what: "collects starts: 2 starts in its batch so far", until: FUTURE },
  },
  {
    kind: "signal",
    name: "it waits for a signal until a time",
    workflows: [workflow("listening", (ctx) => ctx.waitFor("word", { timeout: "1h" }))],
    wait: { what: "waits for signal word", until: FUTURE, by: "`millrace signal run word`" },
  },
  {
    kind: "signal",
    name: "signals came, and none that it takes",
    workflows: [workflow("choosy", (ctx) => ctx.waitFor("n", { where: (n) => n === 1 }))],
    begin: async (sim) => {
      const run = await sim.start("choosy", undefined, { id: "run" });
      await run.signal("n", 2);
    },
    wait: { what: /those that came are not what it takes/ },
  },
  {
    kind: "approval",
    name: "it waits for somebody's decision",
    workflows: [workflow("asking", (ctx) => ctx.approve("go", { prompt: "go?" }))],
    wait: { what: /\(go\): go\?/, by: /^anybody/ },
  },
  {
    kind: "paused",
    name: "somebody has paused it",
    workflows: [idle],
    begin: async (sim) => {
      await start(idle)(sim);
      await sim.run("run").pause({ by: "ada", reason: "lunch" });
    },
    wait: { what: "paused by ada: lunch", by: "`millrace resume run`" },
  },
  {
    kind: "hand",
    name: "it is driven through a store",
    workflows: [],
    begin: async (sim) => {
      await sim.client.stores.stepRuns.createRun("run", { workflow: "by-hand", input: 1 });
    },
    wait: { what: "the run is driven by hand, through a store" },
  },
  {
    kind: "admission",
    name: "as many runs are at work as may be at once",
    workflows: [jobs({ concurrency: { limit: 1 } })],
    begin: twice,
    wait: { what: /^waits for admission: concurrency; place 1 of 1$/, by: /1 of 1/ },
  },
  {
    kind: "admission",
    name: "as many runs were let in as may be in its span",
    workflows: [jobs({ rateLimit: { limit: 1, per: "1h" } })],
    begin: twice,
    wait: { what: /^waits for admission: rateLimit/, until: FUTURE },
  },
  {
    kind: "import",
    name: "only a part of it was imported",
    workflows: [idle],
    begin: async (sim) => {
      const frame = { commit: "c", writer: { node: "n", epoch: 0 }, at: 0, seq: 1, inbox: 0 };
      const created = { type: "run.created", workflow: "idle", content: "", input: NOTHING };
      await sim.client.history.import([
        JSON.stringify({ millrace: "run", version: 1, run: "run", workflow: "idle" }),
        JSON.stringify({ frame: { ...frame, events: [{ ...created, at: 0, plan: null }] } }),
        JSON.stringify({ end: "run", frames: 1, part: true }),
      ]);
    },
    wait: { what: /^only a part of the run was imported/, by: /millrace import/ },
  },
  {
    kind: "decision",
    // No client sees a host in the middle of its thoughts for long enough.
    name: "its host is at it, and has not said what is next",
    workflows: [],
    events: [
      { type: "run.created", at: 0, workflow: "f", content: "", input: NOTHING, plan: CODE },
      { type: "run.claimed", at: 0, epoch: 1, node: "n", lease: "" },
    ],
    wait: { what: "its host decides what is next", by: /^its host, node n/ },
  },
];

/** What explain says of the run, once nothing moves by itself. */
async function explained({ workflows, options, begin, events, ...situation }: Situation) {
  if (events !== undefined) {
    const state = emptyRun("run");
    for (const event of events) evolve(state, event);
    return { ...explain(state), now: 0, ...situation };
  }
  await using sim = await testRuntime({ workflows, patienceMs: 20, stopGrace: 0, ...options });
  const [first] = workflows;
  await (begin ?? start(first as Workflow<never, unknown>))(sim);
  await sim.advance("4s");
  const runs = await sim.client.list();
  const run = runs.find((one) => one.run === "run") ?? runs[0];
  const { waits } = await sim.client.explain(run?.run ?? "");
  return { waits, now: sim.now(), ...situation };
}

const matching = (expected: Situation["wait"]): object =>
  Object.fromEntries(
    Object.entries(expected).map(([field, value]) => [
      field,
      value instanceof RegExp ? expect.stringMatching(value) : value,
    ]),
  );

describe("explain tells", () => {
  it.each(situations.map((one) => [one.kind, one.name, one] as const))(
    "%s: %s",
    async (kind, _name, situation) => {
      const { waits, wait, now } = await explained(situation);
      expect(waits).toContainEqual(expect.objectContaining({ kind, ...matching(wait) }));
      for (const { since, until, what, by, next } of waits) {
        expect(since, what).toBeLessThanOrEqual(now);
        expect(until ?? now + HOUR_MS, what).toBeGreaterThan(now - HOUR_MS);
        for (const text of [what, by, next]) expect(text).toMatch(/\S/);
      }
    },
  );

  it("of every kind of waiting there is", () => {
    expect(new Set(situations.map(({ kind }) => kind))).toEqual(new Set(waitKinds));
  });
});
