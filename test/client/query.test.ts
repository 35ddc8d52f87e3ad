/** Looking at a run and asking it: from its log alone, with nobody hosting it, and leaving no trace. */
import { expect, it } from "vitest";
import { graph, type Query, workflow } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import type { Scene } from "../engine/kit/scene.ts";
import { ALL_STORES, all, onStores, refusal, until } from "../engine/kit/scene.ts";

const facts: Query = async (run, args) => ({
  status: run.status,
  input: await run.input(),
  counted: await run.result("count"),
  missing: await run.result("nothing like it"),
  saved: await run.checkpoint("count"),
  done: run.steps.filter(({ status }) => status === "completed").map(({ step }) => step),
  args: args ?? null,
});
const broken: Query = () => {
  throw new RangeError("not today");
};

const census = workflow("census", { queries: { facts, broken } }, async (ctx, people: string[]) => {
  const count = await ctx.run("count", async (step) => {
    await step.checkpoint({ halfway: people.length / 2 });
    return people.length;
  });
  return [count, await ctx.waitFor("sign")];
});

/** A run that waits for its signal, and that nobody hosts any more. */
async function unattended(scene: Scene): Promise<string> {
  const worker = await scene.open({ workflows: [census] });
  const { id } = await worker.start(census, ["ada", "bob"], { correlation: "town 7" });
  await until("it is parked", async () => (await worker.describe(id)).status === "parked");
  await scene.close(worker);
  return id;
}

onStores(
  "a run that nobody hosts",
  (scene) => {
    it("answers queries and is described, and is left as it is", async () => {
      const run = await unattended(scene());
      const client = await scene().open({ workflows: [census], worker: false });
      await client.signal(run, "other", 1);
      const before = await all(client.subscribe({ run, live: false }));
      expect(await client.query(run, "facts", { a: [1] })).toEqual({
        status: "parked",
        input: ["ada", "bob"],
        counted: 2,
        missing: undefined,
        saved: { halfway: 1 },
        done: ["count"],
        args: { a: [1] },
      });
      expect(await client.describe(run)).toMatchObject({
        run,
        correlation: "town 7",
        steps: [{ step: "count", status: "completed" }],
        waits: [{ name: "sign" }],
        checkpoints: [{ node: "count" }],
        explanation: { waits: [{ kind: "signal" }, { kind: "host" }] },
        untaken: 1,
      });
      expect(await all(client.subscribe({ run, live: false }))).toEqual(before);
      expect(client.hosted).toBe(0);
    });
  },
  ALL_STORES,
);

onStores("a query", (scene) => {
  it("sees what a step saves while it runs, and a run that has ended", async () => {
    const gate = deferred<void>();
    const flow = graph<number>("long", { queries: { facts } })
      .step("count", async (ctx, from) => {
        await ctx.checkpoint(from + 1);
        await gate.promise;
        return from + 2;
      })
      .build();
    const worker = await scene().open({ workflows: [flow] });
    const asker = await scene().open({ workflows: [flow], worker: false });
    const run = await worker.start(flow, 5);
    const ask = () => asker.query<{ saved?: number }>(run.id, "facts");
    await until("it has saved", async () => (await ask()).saved === 6);
    expect(await ask()).toMatchObject({ status: "running", counted: undefined, done: [] });
    gate.resolve();
    await run.result();
    expect(await ask()).toMatchObject({ status: "completed", counted: 7, done: ["count"] });
  });

  it("that there is not, or that fails, says so", async () => {
    const run = await unattended(scene());
    const client = await scene().open({ workflows: [census], worker: false });
    const stranger = await scene().open();
    expect(await refusal(client.query(run, "fact"))).toMatchObject({
      code: "E_OPTION_INVALID",
      message: expect.stringContaining("did you mean"),
    });
    expect(await refusal(client.query(run, "broken"))).toBeInstanceOf(RangeError);
    for (const [attempt, code] of [
      [() => stranger.query(run, "facts"), "E_WORKFLOW_UNKNOWN"],
      [() => client.query("nobody", "facts"), "E_RUN_NOT_FOUND"],
      [() => client.query(run, "facts", new Map()), "E_NOT_JSON"],
      [() => client.describe("nobody"), "E_RUN_NOT_FOUND"],
    ] as const) {
      expect(await refusal(attempt())).toMatchObject({ code });
    }
  });

  it("is refused in a definition when it is no function, or has no name", () => {
    const define = (queries: unknown) => () =>
      workflow("w", { queries } as never, async () => undefined);
    for (const queries of [5, [], { ok: 5 }, { "not a name": facts }]) {
      expect(define(queries)).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^E_(DEF|ID)_INVALID$/) }),
      );
    }
  });
});
