/** Imports as other processes see them: a run is hosted when all of it is there, and only where it is to go on. */
import { expect, it } from "vitest";
import { open, workflow } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { all } from "../cli/command.ts";
import { faulty } from "../engine/kit/faulty.ts";
import { only, onStores, outline, refusal, sleep, until } from "../engine/kit/scene.ts";

const talk = workflow("talk", async (ctx) => {
  const first = await ctx.run("begin", () => "well");
  const word = await ctx.waitFor<string>("word");
  return `${first}, ${word}`;
});
const family = workflow("family", async (ctx) => `child: ${await ctx.child("ask", talk)}`);
const rounds = workflow("rounds", async (ctx, n: number) => {
  if (n === 1) return ctx.continueAsNew(2);
  return ctx.waitFor<string>("word");
});
const workflows = [talk, family, rounds];

onStores("an import", (scene) => {
  const waiting = async (start: typeof talk | typeof family = talk): Promise<string> => {
    const here = await scene().open({ workflows });
    const run = await here.start(start, undefined, { id: "origin" });
    await until("all wait", async () => {
      const runs = await here.list();
      return runs.length > 0 && runs.every(({ status }) => status === "parked");
    });
    if (start === family)
      await until("there is a child", async () => (await here.list()).length === 2);
    await until("both wait", async () =>
      (await here.list()).every(({ status }) => status === "parked"),
    );
    await scene().close(here);
    return run.id;
  };
  const exported = async (run: string, options = {}): Promise<readonly string[]> => {
    const quiet = await scene().open();
    const texts = await all(quiet.history.export(run, options));
    await scene().close(quiet);
    return texts;
  };

  it("is not hosted before its last frame is there", async () => {
    const texts = await exported(await waiting());
    const { MemoryBackend, memoryStore } = await import("../../src/adapters/memory/store.ts");
    const { systemWorld } = await import("../stores/places.ts");
    const share = new MemoryBackend(systemWorld.clock);
    const storeOf = (node: string) =>
      memoryStore({ namespace: "default", node, world: systemWorld, share });
    const eager = { workflows, sweepEvery: 10, logger: silentLogger };
    await using hosting = await open({ store: await storeOf("eager"), ...eager });
    const go = deferred<void>();
    let appended = 0;
    const slow = faulty({
      log: (log) => ({
        async append(frame, signal) {
          if (appended++ > 0) await go.promise;
          return log.append(frame, signal);
        },
      }),
    });
    await using there = await open({ store: slow(await storeOf("slow")), logger: silentLogger });
    const importing = there.history.import(texts);
    await until("a part is there", async () => (await hosting.list()).length === 1);
    expect(await hosting.explain("origin")).toMatchObject({ waits: [{ kind: "import" }] });
    expect((await hosting.search({ waiting: "import" })).runs).toHaveLength(1);
    await hosting.signal("origin", "word", "heard");
    const early = refusal(
      there.stores.checkpoints.saveCheckpoint("origin", "n", new Uint8Array(1)),
    );
    expect(await early).toMatchObject({ code: "E_COMMAND_REFUSED" });
    // Swept several times meanwhile.
    await sleep(50);
    go.resolve();
    expect(await importing).toMatchObject([{ created: true, part: false, lacks: [] }]);
    expect(await hosting.result("origin")).toBe("well, heard");
    const claims = only(await all(hosting.subscribe({ run: "origin" })), "run.claimed");
    expect(claims.length).toBe(2);
  });

  it("of a fork leaves the living run that it goes back to alone, until that is imported itself", async () => {
    const run = await waiting();
    const quiet = await scene().open();
    const { seq } = await quiet.get(run);
    await quiet.fork(run, { seq, id: "fork" });
    await scene().close(quiet);
    const texts = await exported("fork");
    await using there = await open({
      store: "memory",
      workflows,
      logger: silentLogger,
      sweepEvery: 10,
    });
    expect(await there.history.import(texts)).toMatchObject([
      { run, part: true },
      { run: "fork", part: false },
    ]);
    await there.signal("fork", "word", "fork");
    await there.signal(run, "word", "origin");
    expect(await there.result("fork")).toBe("well, fork");
    await sleep(50);
    expect(await there.explain(run)).toMatchObject({ waits: [{ kind: "import" }] });
    const before = outline(await scene().log(run));
    expect(outline(await all(there.subscribe({ run, live: false })))).toEqual(before);
    // Exported again it is still a part.
    expect((await all(there.history.export(run))).at(-1)).toContain('"part":true');
    expect(await there.history.import(await exported(run))).toMatchObject([{ created: true }]);
    expect(await there.result(run)).toBe("well, origin");
  });

  it("of a run that waits for a child brings the child along, or says what is missing", async () => {
    const run = await waiting(family);
    const texts = await exported(run);
    await using there = await open({ store: "memory", workflows, logger: silentLogger });
    const imported = await there.history.import(texts);
    expect(imported).toMatchObject([{ workflow: "talk" }, { run, lacks: [] }]);
    await there.signal(imported[0]?.run ?? "", "word", "hello");
    expect(await there.result(run)).toBe("child: well, hello");
    const alone = await exported(run, { children: false });
    const options = { store: "memory", workflows, logger: silentLogger, sweepEvery: 10 } as const;
    await using other = await open({ ...options, namespace: "other" });
    expect(await other.history.import(alone)).toMatchObject([{ run, lacks: [imported[0]?.run] }]);
    expect(await refusal(other.result(run))).toMatchObject({ code: "E_RUN_FAILED" });
  });

  it("of a chain has the run that lives, and begins none twice", async () => {
    const here = await scene().open({ workflows });
    const run = await here.start(rounds, 1);
    await until("it waits in its second run", async () =>
      (await here.list()).some(({ status }) => status === "parked"),
    );
    await scene().close(here);
    await using there = await open({
      store: "memory",
      workflows,
      logger: silentLogger,
      sweepEvery: 10,
    });
    const [alone] = await there.history.import(await exported(run.id, { children: false }));
    expect(alone).toMatchObject({ part: true, lacks: [expect.any(String)] });
    await sleep(50);
    expect(await there.list()).toHaveLength(1);
    const whole = await exported(run.id);
    expect(await there.history.import(whole)).toMatchObject([{ created: true }, { part: false }]);
    const again = await there.history.import(whole);
    expect(again.map(({ created }) => created)).toEqual([false, false]);
    await there.signal(run.id, "word", "heard");
    expect(await there.result(run.id)).toBe("heard");
    expect(await there.list()).toHaveLength(2);
  });
});
