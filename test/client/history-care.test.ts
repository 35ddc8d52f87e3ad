/** Archives, deletion with proof, retention: what is kept is whole, and what is not is gone. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { loadKept } from "../../src/engine/reading/kept-run.ts";
import { archiveTo, graph, type Millrace, workflow } from "../../src/index.ts";
import { all, scratchFolder } from "../cli/command.ts";
import { ALL_STORES, onStores, onVirtualTime, refusal, until } from "../engine/kit/scene.ts";
import { engineOf } from "../stores/places.ts";

const LARGE = "x".repeat(300_000);

const album = graph<{ pages: number }>("album")
  .step("scan", (_, { pages }) => Array.from({ length: pages }, (_each, n) => n))
  .map("print", { over: "scan" }, async (ctx, page) => {
    await ctx.emit("proof", { page, text: LARGE });
    await ctx.checkpoint({ page });
    return `${page} ${LARGE}`;
  })
  .step("bind", { needs: ["print"] }, (_, { print }) => print.length)
  .build();

const talk = workflow("talk", async (ctx) => {
  const topic = await ctx.run("topic", () => LARGE);
  await ctx.sleep("pause", 1);
  const first = await ctx.waitFor<string>("word");
  const second = await ctx.waitFor<string>("word");
  return `${topic.length} ${first} ${second}`;
});

const lines = (millrace: Millrace, run: string): Promise<readonly string[]> =>
  all(millrace.history.export(run));

/** All that is known of a run beside the place it lies in. */
async function knownOf(millrace: Millrace, run: string): Promise<unknown> {
  const { state, notes } = await loadKept(engineOf(millrace.store, millrace.node), run);
  const { cursor, graph: _, ...rest } = state;
  return { seq: cursor.seq, rest, steps: notes.steps, refs: [...notes.outputs.byRef.keys()] };
}

onStores(
  "an archive",
  (scene) => {
    it("brings a run back to the very same state, large values and what is unread included", async () => {
      const here = await scene().open({ workflows: [album, talk] });
      const done = await here.start(album, { pages: 3 }, { labels: { shelf: "a" } });
      await done.result();
      const waiting = await here.start(talk);
      await until("it waits", async () =>
        (await waiting.explain()).waits.some(({ kind }) => kind === "signal"),
      );
      await waiting.signal("word", "one");
      await until("it was heard", async () => (await waiting.get()).seq >= 8);
      await scene().close(here);
      const quiet = await scene().open();
      await quiet.signal(waiting.id, "word", "unread");
      const texts = [...(await lines(quiet, done.id)), ...(await lines(quiet, waiting.id))];
      const before = [await knownOf(quiet, done.id), await knownOf(quiet, waiting.id)];
      const { open } = await import("../../src/index.ts");
      await using there = await open({ store: "memory", namespace: "there" });
      const imported = await there.history.import(texts);
      expect(imported.map(({ run, created }) => [run, created])).toEqual([
        [done.id, true],
        [waiting.id, true],
      ]);
      expect([await knownOf(there, done.id), await knownOf(there, waiting.id)]).toEqual(before);
      expect(await there.result(done.id)).toBe(3);
      expect((await there.history.import(texts)).map(({ created }) => created)).toEqual([
        false,
        false,
      ]);
      // Exported again it says the same.
      expect(await lines(there, done.id)).toEqual(await lines(quiet, done.id));
    });

    it("of a run that has not ended goes on where it is imported", async () => {
      const here = await scene().open({ workflows: [talk] });
      const run = await here.start(talk);
      await run.signal("word", "one");
      await until("it was heard", async () =>
        (await run.explain()).waits.some(({ kind }) => kind === "signal"),
      );
      await scene().close(here);
      const quiet = await scene().open();
      const texts = await lines(quiet, run.id);
      const { open } = await import("../../src/index.ts");
      await using there = await open({ store: "memory", workflows: [talk] });
      await there.history.import(texts);
      await there.signal(run.id, "word", "two");
      expect(await there.result(run.id)).toBe("300000 one two");
    });

    it("of a fork has the runs that it branched off, unless it is not to", async () => {
      const here = await scene().open({ workflows: [album] });
      const run = await here.start(album, { pages: 1 });
      await run.result();
      const fork = await here.fork(run.id, { results: { bind: 7 } });
      await fork.result();
      const { open } = await import("../../src/index.ts");
      await using there = await open({ store: "memory" });
      const alone = await all(here.history.export(fork.id, { ancestors: false }));
      expect(await refusal(there.history.import(alone))).toMatchObject({
        code: "E_ARCHIVE_INVALID",
      });
      const imported = await there.history.import(await lines(here, fork.id));
      expect(imported.map((one) => one.run)).toEqual([run.id, fork.id]);
      expect(await there.result(fork.id)).toBe(7);
    });

    it("that was changed, cut short or is of something else leaves nothing behind", async () => {
      const here = await scene().open({ workflows: [album] });
      const run = await here.start(album, { pages: 1 });
      await run.result();
      const whole = await lines(here, run.id);
      const frames = whole.filter((text) => text.startsWith('{"frame"'));
      const bad: string[][] = [
        whole.slice(0, -1),
        whole.filter((text) => text !== frames[1]),
        whole.slice(1),
        [...whole.slice(0, 2), "not json", ...whole.slice(2)],
        whole.map((text) => text.replaceAll("step.completed", "step.retrying")),
        whole.map((text) => text.replace('"seq":1,', '"seq":2,')),
        ['{"millrace":"run","version":9,"run":"x","workflow":"w"}'],
        ['{"millrace":"run","version":1,"run":"x","workflow":"w"}', '{"end":"x","frames":0}'],
      ];
      const { open } = await import("../../src/index.ts");
      await using there = await open({ store: "memory" });
      for (const texts of bad) {
        expect(await refusal(there.history.import(texts))).toMatchObject({
          code: "E_ARCHIVE_INVALID",
        });
      }
      expect(await there.list()).toEqual([]);
      await there.stores.checkpoints.createRun(run.id, "other");
      expect(await refusal(there.history.import(whole))).toMatchObject({ code: "E_RUN_CONFLICT" });
    });

    it("erased leaves a proof, and nothing of what the run held", async () => {
      const here = await scene().open({ workflows: [album] });
      const run = await here.start(album, { pages: 1 }, { labels: { who: "somebody" } });
      await run.result();
      const { seq } = await run.get();
      const proof = await here.history.erase(run.id, { by: "clerk", reason: "request 7" });
      expect(proof).toMatchObject({ run: run.id, workflow: "album", events: seq, by: "clerk" });
      expect(await here.history.erasures()).toEqual([proof]);
      expect(await refusal(run.get())).toMatchObject({ code: "E_RUN_NOT_FOUND" });
      expect(JSON.stringify(await scene().log())).not.toContain("somebody");
      expect(await refusal(here.history.erase("millrace-erasures"))).toMatchObject({
        code: "E_COMMAND_REFUSED",
      });
    });
  },
  ALL_STORES,
);

onVirtualTime("retention", (scene, time) => {
  it("erases what ended long ago, but the newest and what others branched off, archived first", async () => {
    const millrace = await scene().open({ workflows: [album] });
    const runs: string[] = [];
    for (let nth = 0; nth < 5; nth++) {
      const run = await time().until(millrace.start(album, { pages: 0 }, { id: `run-${nth}` }));
      await time().until(run.result());
      runs.push(run.id);
      await time().pass(10_000);
    }
    const fork = await time().until(millrace.fork("run-0", { results: { bind: 1 } }));
    await time().until(fork.result());
    const { history } = millrace;
    expect(await time().until(refusal(history.unwanted({})))).toMatchObject({
      code: "E_OPTION_INVALID",
    });
    const rule = { workflow: "album", olderThan: "15s" } as const;
    const old = await time().until(history.unwanted(rule));
    expect(old.map(({ run }) => run)).toEqual(["run-1", "run-2", "run-3"]);
    expect(await time().until(history.unwanted({ keep: 4 }))).toMatchObject([{ run: "run-1" }]);
    const kept: string[] = [];
    const archive = async (run: string, texts: AsyncIterable<string>): Promise<void> => {
      kept.push(`${run} ${(await all(texts)).length > 2}`);
    };
    expect(await time().until(history.prune(rule, archive))).toBe(3);
    expect(kept).toEqual(["run-1 true", "run-2 true", "run-3 true"]);
    const left = (await time().until(millrace.list())).map(({ run }) => run);
    expect(left).toEqual(expect.arrayContaining(["run-0", "run-4", fork.id]));
    expect(left).not.toContain("run-2");
  });

  it("is kept to for as long as it is wanted, by several rules, with files", async () => {
    const millrace = await scene().open({ workflows: [album] });
    const folder = await scratchFolder();
    const stop = new AbortController();
    const options = { every: "1m", archive: archiveTo(folder), signal: stop.signal };
    const rules = [{ workflow: "album", olderThan: "30s" }, { keep: 100 }] as const;
    const retaining = millrace.history.retain(rules, options);
    for (const id of ["one", "two"]) {
      const run = await time().until(millrace.start(album, { pages: 0 }, { id }));
      await time().until(run.result());
      await time().pass(300_000);
    }
    stop.abort();
    await time().until(retaining);
    expect((await time().until(millrace.history.erasures())).map(({ run }) => run)).toEqual([
      "one",
      "two",
    ]);
    expect((await readdir(folder)).sort()).toEqual(["one.jsonl", "two.jsonl"]);
    const again = (await readFile(join(folder, "one.jsonl"), "utf8")).trim().split("\n");
    expect(await time().until(refusal(millrace.history.import(again)))).toMatchObject({
      code: "E_RUN_ERASED",
    });
    expect(() => millrace.history.retain([])).toThrow(/rules/);
    expect(() => millrace.history.retain([{}])).toThrow(/olderThan/);
  });
});
