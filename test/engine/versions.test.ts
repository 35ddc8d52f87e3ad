/**
 * Rolling deploys: processes with old and new code side by side. Each run stays on the version it began
 * with; when nobody has that any more it waits and says so, and it moves as soon as somebody comes who has.
 */
import { describe, expect, it } from "vitest";
import { graph, type Millrace, open, workflow } from "../../src/index.ts";
import { ALL_STORES, only, onStores, refusal, type Scene, until } from "./kit/scene.ts";

/** What each step does tells which version's code did it. */
const order = (label: string) =>
  workflow("order", { version: label }, async (ctx, input: string) => {
    const before = await ctx.run("before", () => label);
    const signal = await ctx.waitFor("go");
    return `${input}: ${before} ${signal} ${await ctx.run("after", () => label)}`;
  });

const flow = (label: string | undefined, ...steps: string[]) => {
  const options = label === undefined ? {} : { version: label };
  let built = graph<unknown>("flow", options).step("first", () => label ?? "none");
  for (const step of steps) built = built.step(step, { needs: ["first"] }, () => step) as never;
  return built.build();
};

const waitsFor = async (millrace: Millrace, run: string): Promise<string[]> =>
  (await millrace.explain(run)).waits.map(({ what }) => what);

const LACKS_1 = "no process that is up has version 1 of workflow order";

async function startAndWait(at: Millrace, version: string, id: string): Promise<void> {
  await at.start(order(version), id, { id });
  await until(`${id} waits`, async () => (await waitsFor(at, id)).includes("waits for signal go"));
}

onStores(
  "versions",
  (scene) => {
    it("go on side by side, each run with its own", async () => {
      const client = await scene().open({ worker: false });
      await scene().open({ workflows: [order("1")], parkAfter: 0 });
      await scene().open({ workflows: [order("2")], parkAfter: 0 });
      const ids = ["a", "b", "c", "d", "e", "f"];
      const runs = await Promise.all(
        ids.map((id, at) => client.start(order(at % 2 === 0 ? "1" : "2"), id, { id })),
      );
      for (const run of runs) await run.signal("go", "on");
      expect(await Promise.all(runs.map((run) => run.result()))).toEqual(
        ids.map((id, at) => (at % 2 === 0 ? `${id}: 1 on 1` : `${id}: 2 on 2`)),
      );
    });

    it("that nobody has are waited for, and found at once when somebody comes", async () => {
      const client = await scene().open({ worker: false });
      const old = await scene().open({ workflows: [order("1")], parkAfter: 0 });
      await scene().open({ workflows: [order("2")], parkAfter: 0, sweepEvery: "1h" });
      await startAndWait(client, "1", "r");
      await scene().close(old);
      await client.signal("r", "go", "on");
      await until("it says what it waits for", async () =>
        (await waitsFor(client, "r")).includes(LACKS_1),
      );
      await until("its log says so", async () => (await client.get("r")).parkedError !== null);
      expect((await client.list())[0]).toMatchObject({
        status: "parked",
        version: { label: "1" },
        parkedReason: `cannot go on: ${LACKS_1}`,
        parkedError: { code: "E_VERSION_UNKNOWN" },
        parkedUntil: null,
      });
      await scene().open({ workflows: [order("1")], sweepEvery: "1h" });
      expect(await client.result("r", { timeoutMs: 25_000 })).toBe("r: 1 on 1");
    });
  },
  ALL_STORES,
);

onStores("versions", (scene) => {
  it("of one workflow may be in one process: new runs begin with the first", async () => {
    const client = await scene().open({ worker: false });
    await scene().open({ node: "both", workflows: [order("2"), order("1")] });
    await until("it is there", async () => (await client.nodes()).length === 1);
    expect((await client.nodes())[0]).toMatchObject({
      workflows: ["order"],
      versions: [
        { workflow: "order", label: "2" },
        { workflow: "order", label: "1" },
      ],
    });
    const older = await client.start(order("1"), "a");
    await older.signal("go", "on");
    expect(await older.result()).toBe("a: 1 on 1");
    const both = await scene().open({ workflows: [order("2"), order("1")], worker: false });
    const newer = await both.start("order", "b");
    await newer.signal("go", "on");
    expect(await newer.result()).toBe("b: 2 on 2");
  });

  it("without labels go by the code of each step, as before", async () => {
    const client = await scene().open({ worker: false });
    const run = await client.start(flow(undefined, "second"), undefined, { id: "r" });
    const less = await scene().open({ workflows: [flow(undefined)], sweepEvery: "1h" });
    await until("its log says so", async () => (await run.get()).parkedError !== null);
    expect((await run.get()).parkedError?.code).toBe("E_VERSION_UNKNOWN");
    await scene().open({ workflows: [flow(undefined, "second", "third")] });
    expect(await run.result({ timeoutMs: 25_000 })).toBe("second");
    await scene().close(less);
  });

  it("that nobody has do not keep a run from being cancelled", async () => {
    const { client } = await stranded(scene());
    await client.cancel("r");
    expect(await refusal(client.result("r"))).toMatchObject({ code: "E_RUN_CANCELLED" });
  });

  it("that nobody has cost a run one note in its log, however often it is looked at", async () => {
    const { client } = await stranded(scene());
    for (const payload of [1, 2, 3]) await client.signal("r", "other", payload);
    await scene().open({ workflows: [order("2")] });
    await until("nothing is offered", async () => (await client.nodes()).length > 0);
    const parks = only(await scene().log("r"), "run.parked").filter(({ error }) => error);
    expect(parks).toHaveLength(1);
  });
});

/** A run of version 1, and a process that has only version 2. */
async function stranded(scene: Scene): Promise<{ client: Millrace }> {
  const client = await scene.open({ worker: false });
  await client.start(order("1"), "r", { id: "r" });
  await scene.open({ workflows: [order("2")], sweepEvery: 50 });
  await until("its log says so", async () => (await client.get("r")).parkedError !== null);
  return { client };
}

describe("two workflows of one name", () => {
  it("are refused unless their versions differ", async () => {
    for (const workflows of [
      [order("1"), order("1")],
      [flow(undefined), flow(undefined, "more")],
    ]) {
      const opened = open({ store: "memory", workflows });
      expect(await refusal(opened)).toMatchObject({ code: "E_DEF_DUPLICATE" });
    }
    await (await open({ store: "memory", workflows: [flow(undefined), flow("1")] })).close();
  });
});
