/**
 * Moving runs to another version of their workflow, and asking before a deploy which runs it would leave
 * behind or break. A run moves only if it could have come to where it is with the new version.
 */
import { describe, expect, it } from "vitest";
import { graph, type Millrace, type Workflow, workflow } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import type { Claim } from "../../src/ports/work-queue.ts";
import { over } from "../../src/testing/simulation/over.ts";
import { faulty } from "./kit/faulty.ts";
import { ALL_STORES, only, onStores, refusal, type Scene, until } from "./kit/scene.ts";

const order = (label: string, ...before: string[]) =>
  workflow("order", { version: label }, async (ctx, input: string) => {
    const done: string[] = [];
    for (const step of before) done.push(await ctx.run(step, () => `${step}${label}`));
    const answer = await ctx.waitFor("go");
    return `${input} ${done.join(" ")} ${answer} ${await ctx.run("end", () => label)}`;
  });

const stateOf = async (at: Millrace, run: string): Promise<string | null> =>
  (await at.get(run)).parkedReason;

/** A run that was begun by the old code, which is gone, and waits for a signal. */
async function waiting(scene: Scene, old: Workflow): Promise<Millrace> {
  const client = await scene.open({ worker: false });
  const process = await scene.open({ workflows: [old], parkAfter: 0 });
  await client.start(old as Workflow<unknown>, "r", { id: "r" });
  await until("it waits", async () => (await stateOf(client, "r")) === "waits for a signal");
  await scene.close(process);
  return client;
}

onStores(
  "a run that is migrated",
  (scene) => {
    it("goes on with the new code, and keeps what it has done", async () => {
      const client = await waiting(scene(), order("1", "a"));
      await scene().open({ workflows: [order("2", "a")], sweepEvery: "1h" });
      await client.signal("r", "go", "on");
      await until("it waits for code", async () => (await client.get("r")).parkedError !== null);
      await client.migrate("r", { to: order("2", "a"), by: "Ada", reason: "1 is gone" });
      expect(await client.result("r", { timeoutMs: 25_000 })).toBe("r a1 on 2");
      expect(only(await scene().log("r"), "run.migrated")).toMatchObject([
        { by: "Ada", reason: "1 is gone", plan: { label: "2" } },
      ]);
      expect((await client.list())[0]?.version).toMatchObject({ label: "2" });
    });
  },
  ALL_STORES,
);

onStores("a migration", (scene) => {
  it("is refused where the function asks for something else, and changes nothing", async () => {
    const client = await waiting(scene(), order("1", "a", "b"));
    const before = (await scene().log("r")).length;
    const refused = await refusal(client.migrate("r", { to: order("2", "a", "c") }));
    expect(refused).toMatchObject({ code: "E_COMMAND_REFUSED", details: { what: "step b" } });
    expect(String(refused)).toMatch(/does not fit version 2 of workflow order, at event \d+: /);
    expect(await scene().log("r")).toHaveLength(before);
  });

  it("has its ticket also when the host is just letting go of the run", async () => {
    const client = await scene().open({ worker: false });
    await scene().open({ workflows: [order("2", "a")], sweepEvery: "1h" });
    const [held, go] = [deferred<void>(), deferred<void>()];
    const holding = async (claim: Claim): Promise<void> => {
      held.resolve();
      await go.promise;
      await claim.ack();
    };
    const wrap = faulty({
      queue: (queue) => ({
        claim: async (request) =>
          (await queue.claim(request)).map((claim) => over(claim, { ack: () => holding(claim) })),
      }),
    });
    await scene().open({ workflows: [order("1", "a")], parkAfter: 0, sweepEvery: "1h", wrap });
    await client.start(order("1", "a") as Workflow<unknown>, "r", { id: "r" });
    await held.promise;
    await client.migrate("r", { to: order("2", "a") });
    go.resolve();
    await until(
      "it waits with the new code",
      async () => (await stateOf(client, "r")) === "waits for a signal",
    );
  });

  it("takes the host that waits with a run its claim", async () => {
    const both = [order("1", "a"), order("2", "a")];
    const client = await scene().open({ workflows: both, parkAfter: "1h" });
    await client.start("order", "r", { id: "r" });
    await until("it waits", async () =>
      (await client.explain("r")).waits.some(({ kind }) => kind === "signal"),
    );
    await client.migrate("r", { to: "2" });
    await client.migrate("r", { to: "2" });
    await client.signal("r", "go", "on");
    expect(await client.result("r", { timeoutMs: 25_000 })).toBe("r a1 on 2");
    expect(only(await scene().log("r"), "run.migrated")).toHaveLength(1);
    expect(await refusal(client.migrate("r", { to: "1" }))).toMatchObject({
      code: "E_COMMAND_REFUSED",
    });
  });

  it("moves a run that was never hosted, with what waits for it at its key and its gate", async () => {
    const keyed = (label: string) =>
      workflow(
        "keyed",
        { version: label, flow: { concurrency: { limit: 1 } } },
        async (ctx) => `${await ctx.waitFor("go")} by ${label}`,
      );
    const client = await scene().open({ worker: false });
    await client.signalWhere({ correlation: "k" }, "go", "early", { id: "one" });
    for (const id of ["r", "s"])
      await client.start(keyed("1"), undefined, { id, correlation: "k" });
    for (const id of ["r", "s"]) await client.migrate(id, { to: keyed("2") });
    await scene().open({ workflows: [keyed("2")] });
    for (const id of ["r", "s"]) {
      expect(await client.result(id, { timeoutMs: 25_000 })).toBe("early by 2");
    }
  });

  it("is refused while steps run, for versions that nobody gave, and for other workflows", async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = (label: string) =>
      graph("slow", { version: label })
        .step("only", () => held)
        .build();
    const client = await scene().open({ workflows: [slow("1"), slow("2")] });
    const run = await client.start("slow");
    await until("it runs", async () => (await run.get()).steps[0]?.status === "running");
    for (const [to, code] of [
      ["2", "E_COMMAND_REFUSED"],
      ["3", "E_VERSION_UNKNOWN"],
      [order("1"), "E_COMMAND_REFUSED"],
      [7 as never, "E_OPTION_INVALID"],
    ] as const) {
      expect(await refusal(client.migrate(run.id, { to }))).toMatchObject({ code });
    }
    release();
    await run.result();
  });
});

/** A graph whose first step has ended, and whose second waits for a signal. */
const flow = (label: string, change: (built: Flow) => Flow = (built) => built) =>
  change(
    graph<string>("flow", { version: label })
      .step("a", () => `a${label}`)
      .waitFor("go", { needs: ["a"] })
      .step("b", { needs: ["go"] }, () => `b${label}`) as unknown as Flow,
  ).build();

interface Flow {
  step(name: string, options: { needs: string[] }, run: () => unknown): Flow;
  build(): Workflow;
}

describe("a graph", () => {
  onStores(
    "of which the plan changes",
    (scene) => {
      it("gets new steps, and steps that have not begun may go", async () => {
        const client = await waiting(scene(), flow("1"));
        const next = graph<string>("flow", { version: "2" })
          .step("a", () => "a2")
          .waitFor("go", { needs: ["a"] })
          .step("c", { needs: ["go", "a"] }, (_ctx, { a }) => `${a} c2`)
          .build();
        await client.migrate("r", { to: next });
        await scene().open({ workflows: [next] });
        await client.signal("r", "go");
        expect(await client.result("r", { timeoutMs: 25_000 })).toBe("a1 c2");
        expect((await client.get("r")).steps.map(({ step }) => step)).toEqual(["a", "go", "c"]);
      });

      const second = () => graph("flow", { version: "2" });
      it.each([
        [
          "has lost a step that has begun",
          second().waitFor("go", {}).build(),
          /step a has begun, and is not there any more/,
        ],
        [
          "does a step that began otherwise",
          second()
            .waitFor("a", {})
            .waitFor("go", { needs: ["a"] })
            .build(),
          /step a began as a function, and is a wait/,
        ],
        [
          "needs more before a step",
          second()
            .step("a", () => 1)
            .step("x", { needs: ["a"] }, () => 1)
            .waitFor("go", { needs: ["x"] })
            .build(),
          /step go began before all had ended that it needs now/,
        ],
      ])("is refused when it %s, with the event", async (_what, to, message) => {
        const client = await waiting(scene(), flow("1"));
        const refused = await refusal(client.migrate("r", { to }));
        expect(refused).toMatchObject({
          code: "E_COMMAND_REFUSED",
          message: expect.stringMatching(message),
        });
        const { details } = refused as { details: { seq: number } };
        const event = (await scene().log("r"))[details.seq - 1];
        expect(event?.type).toMatch(/^step\./);
      });
    },
    ["memory"],
  );
});

onStores(
  "a check before a deploy",
  (scene) => {
    it("says run by run what goes on, what waits for its version and what breaks", async () => {
      const client = await waiting(scene(), order("1", "a", "b"));
      const unlabelled = (...steps: string[]) =>
        workflow("plain", async (ctx) => {
          for (const step of steps) await ctx.run(step, () => step);
          await ctx.waitFor("go");
        });
      const process = await scene().open({ workflows: [unlabelled("x", "y")], parkAfter: 0 });
      for (const id of ["p1", "p2"]) {
        await process.start("plain", undefined, { id });
        await until(`${id} waits`, async () => (await stateOf(client, id)) !== null);
      }
      const before = (await scene().log()).length;
      const seen: number[] = [];
      const onProgress = ({ checked, of }: { checked: number; of: number }) =>
        void seen.push(checked / of);

      const fine = await client.checkUpgrade([unlabelled("x", "y"), order("2", "a", "b")], {
        onProgress,
      });
      expect(fine).toMatchObject({ checked: 3, goesOn: 2, breaks: [] });
      expect(fine.stays).toMatchObject([{ run: "r", version: "1", migrates: true, seq: null }]);
      expect(seen).toEqual([1 / 3, 2 / 3, 1]);

      const broken = await client.checkUpgrade([unlabelled("x"), order("2", "a")]);
      expect(broken.breaks).toMatchObject([
        { run: "p1", workflow: "plain", version: null, what: "step y" },
        { run: "p2", workflow: "plain", version: null, what: "step y" },
      ]);
      expect(broken.stays).toMatchObject([{ run: "r", migrates: false }]);
      for (const { run, seq } of [...broken.breaks, ...broken.stays]) {
        expect((await scene().log(run))[(seq ?? 0) - 1]?.type).toBe("step.scheduled");
      }
      expect(await client.checkUpgrade([order("1", "a", "b")], { workflow: "order" })).toEqual({
        ...{ checked: 1, goesOn: 1, breaks: [], stays: [] },
      });
      expect(await scene().log()).toHaveLength(before);
    });

    it("looks at forks as they were begun", async () => {
      const client = await waiting(scene(), flow("1"));
      await client.fork("r", { id: "f", seq: (await scene().log("r")).length });
      const report = await client.checkUpgrade([flow("1")]);
      expect(report).toEqual({ checked: 2, goesOn: 2, breaks: [], stays: [] });
      const { stays } = await client.checkUpgrade([flow("2")]);
      expect(stays.map(({ run, migrates }) => [run, migrates])).toEqual([
        ["r", true],
        ["f", true],
      ]);
    });
  },
  ["memory"],
);
