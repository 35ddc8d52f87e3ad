// The runtime for tests: time skips waits, a seed repeats everything, and crashes lose nothing.
import { describe, expect, it } from "vitest";
import { graph, type RecordedEvent, workflow } from "../../src/index.ts";
import { testRuntime } from "../../src/testing.ts";
import { outline } from "../engine/kit/scene.ts";

const DAY_MS = 86_400_000;

const reminder = workflow("reminder", async (ctx, days: number) => {
  await ctx.run("write", () => "dear");
  await ctx.sleep("wait", `${days}d`);
  const answer = await ctx.waitFor<string>("answer", { timeout: "2w" });
  return ctx.run("close", () => answer ?? "none");
});

/** Three steps beside each other, in the order in which they ended. */
const race = workflow("race", async (ctx) => {
  const ended: string[] = [];
  const names = ["a", "b", "c"];
  await ctx.all(names.map((name) => ctx.run(name, () => name).then((one) => ended.push(one))));
  return ended.join("");
});

const withoutPlaces = (events: readonly RecordedEvent[]): unknown[] =>
  events.map(({ at, type, commit, seq }) => [at, type, commit, seq]);

describe("a runtime for tests", () => {
  it("lets weeks go by in no time, and every timer fire at its moment", async () => {
    await using sim = await testRuntime({ workflows: [reminder] });
    const began = sim.now();
    const run = await sim.start(reminder, 30);
    expect((await run.explain()).waits).toMatchObject([{ kind: "timer" }]);
    await sim.advance("29d");
    expect((await run.state()).status).toBe("parked");
    await sim.advance("1d");
    expect((await run.explain()).waits).toMatchObject([{ kind: "signal" }]);
    expect(sim.now()).toBe(began + 30 * DAY_MS);
    expect(await run.result()).toBe("none");
    expect(sim.now()).toBe(began + 44 * DAY_MS);
    const fired = (await run.events()).find(({ type }) => type === "timer.fired");
    expect(fired?.at).toBe(began + 30 * DAY_MS);
    expect(await sim.violations()).toEqual([]);
  });

  it("is idle when all that is left waits for somebody", async () => {
    const patient = workflow("patient", async (ctx) => {
      await ctx.sleep("first", "1d");
      return ctx.waitFor("word");
    });
    await using sim = await testRuntime({ workflows: [patient] });
    const runs = [await sim.start(patient), await sim.start(patient)];
    await sim.idle();
    expect(sim.now() - 1_893_456_000_000).toBe(DAY_MS);
    for (const run of runs) await run.signal("word", run.id);
    await sim.idle();
    for (const run of runs) expect((await run.state()).status).toBe("completed");
    await runs[0]?.explain();
    const busy = await sim.start(patient);
    await expect(sim.idle("1h")).rejects.toThrow(`run ${busy.id} sleeps (first)`);
  });

  it("does everything again in the same way for the same seed, and in every order for others", async () => {
    const orders = new Set<string>();
    for (const seed of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      const logs: unknown[] = [];
      for (const _again of [1, 2]) {
        await using sim = await testRuntime({ workflows: [race], seed });
        const run = await sim.start(race);
        const order = await run.result();
        orders.add(order);
        logs.push([run.id, order, ...withoutPlaces(await run.events())]);
      }
      expect(logs[0]).toEqual(logs[1]);
    }
    expect(orders.size).toBeGreaterThan(2);
  });

  it("refuses options that it does not know", async () => {
    const options = { workflows: [race], sede: 1 };
    await expect(testRuntime(options)).rejects.toMatchObject({ code: "E_OPTION_INVALID" });
    await expect(testRuntime({ workflows: [race], seed: -1 })).rejects.toThrow("seed");
  });
});

describe("a crash", () => {
  it("counts the attempt, which is made again, and keeps what was recorded", async () => {
    await using sim = await testRuntime({
      workflows: ({ effects, sleep }) => [
        graph<number>("slow")
          .step("first", (_, n) => n)
          .step("second", { needs: ["first"] }, async (ctx) => {
            await sleep("1h");
            await effects.apply("done", { key: ctx.idempotencyKey });
            return ctx.attempt;
          })
          .build(),
      ],
    });
    const run = await sim.start("slow", 1);
    await sim.advance("30m");
    await sim.crash();
    expect(sim.processes).toBe(2);
    expect(await run.result()).toBe(2);
    const lines = outline(await sim.events());
    expect(lines.filter((line) => line === "step.started first")).toHaveLength(1);
    expect(lines.filter((line) => line === "step.started second")).toHaveLength(2);
    // The attempt of the first process has had its time too; nothing came of it.
    expect(sim.outside.effects.applied).toMatchObject([
      { name: "done", by: { step: "second", attempt: 2, node: "node-2" } },
    ]);
    expect(await sim.violations()).toEqual([]);
  });

  it("may come at any commit, before or after it is stored", async () => {
    const undisturbed = await lifeOf([]);
    for (let commit = 1; commit <= undisturbed.commits; commit++) {
      for (const side of ["before", "after"] as const) {
        const life = await lifeOf([{ commit, side }]);
        expect(life.result).toBe(undisturbed.result);
        expect(life.processes).toBe(2);
        expect(life.violations).toEqual([]);
      }
    }
  });

  it("may come again and again", async () => {
    const points = [1, 3, 4, 6].map((commit) => ({ commit, side: "before" as const }));
    expect(await lifeOf(points)).toMatchObject({ result: "fine", processes: 5, violations: [] });
  });
});

async function lifeOf(points: readonly { commit: number; side: "before" | "after" }[]) {
  await using sim = await testRuntime({ workflows: [reminder] });
  sim.crashAt(...points);
  const run = await sim.start(reminder, 1);
  await sim.advance("2d");
  await run.signal("answer", "fine", { id: "one" });
  await run.signal("answer", "late", { id: "one" });
  const result = await run.result();
  const { commits, processes } = sim;
  return { result, commits, processes, violations: await sim.violations() };
}

describe("a step", () => {
  it("that takes real time takes no simulated time", async () => {
    const flow = workflow("real", async (ctx) => {
      const work = async (): Promise<string> => {
        await new Promise((resolve) => setTimeout(resolve, 15));
        return "read";
      };
      return ctx.run("io", work, { startToClose: "5ms" });
    });
    await using sim = await testRuntime({ workflows: [flow], patienceMs: 10_000 });
    const began = sim.now();
    expect(await (await sim.start(flow)).result()).toBe("read");
    expect(sim.now()).toBe(began);
  });

  it("that takes longer than one has patience is waited for when there is nothing else", async () => {
    const flow = workflow("long", (ctx) =>
      ctx.run("io", () => new Promise((resolve) => setTimeout(resolve, 40, "read"))),
    );
    await using sim = await testRuntime({ workflows: [flow], patienceMs: 1 });
    expect(await (await sim.start(flow)).result()).toBe("read");
  });

  it("that never ends gets its timeout", async () => {
    const flow = workflow("stuck", (ctx) =>
      ctx.run(
        "hang",
        (step) => (step.attempt === 1 ? new Promise<string>(() => undefined) : "again"),
        { startToClose: "10m", retry: { initial: "1h", jitter: 0 } },
      ),
    );
    await using sim = await testRuntime({ workflows: [flow], patienceMs: 5 });
    const began = sim.now();
    expect(await (await sim.start(flow)).result()).toBe("again");
    expect(sim.now() - began).toBe(70 * 60_000);
  });
});

describe("a restart", () => {
  it("goes on with other code, as after a deploy", async () => {
    const version = (text: string) =>
      workflow("deployed", async (ctx) => {
        await ctx.sleep("night", "12h");
        return ctx.run("say", () => text);
      });
    await using sim = await testRuntime({ workflows: [version("old")] });
    const run = await sim.start(version("old"));
    await sim.restart({ workflows: [version("new")] });
    expect(await run.result()).toBe("new");
    await expect(sim.start("another")).rejects.toMatchObject({ code: "E_WORKFLOW_UNKNOWN" });
  });
});
