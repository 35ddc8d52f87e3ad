/** What is left of an erased run beside its log: large values that only mail refers to, the index, sweeps. */
import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { workflow } from "../../src/index.ts";
import { MillraceError } from "../../src/kernel/errors.ts";
import { digest } from "../../src/kernel/json.ts";
import { limits } from "../../src/kernel/limits.ts";
import { faulty } from "../engine/kit/faulty.ts";
import { only, onStores, sleep, until } from "../engine/kit/scene.ts";

const listener = workflow("listener", (ctx) => ctx.waitFor<string>("word"));
const rounds = workflow("rounds", async (ctx, n: number) => (n === 1 ? ctx.continueAsNew(2) : n));
const large = (letter: string): string => letter.repeat(limits.valueInlineBytesMax * 2);
const blobOf = (text: string): string => digest(JSON.stringify(text));

onStores("erasing", (scene) => {
  it("takes large values along that were never read, unless somebody else has them in his mail", async () => {
    const quiet = await scene().open();
    const { blobs } = quiet.store;
    await quiet.start(listener, undefined, { id: "one" });
    await quiet.start(listener, undefined, { id: "two" });
    for (const text of ["a", "b"]) await quiet.signal("one", "word", large(text));
    await quiet.signal("two", "word", large("b"));
    await quiet.history.erase("one");
    expect(await blobs.has(blobOf(large("a")))).toBe(false);
    const hosting = await scene().open({ workflows: [listener] });
    expect(await hosting.result("two")).toBe(large("b"));
    await hosting.history.erase("two");
    expect(await blobs.has(blobOf(large("b")))).toBe(false);
  });

  it("leaves what one run has read to those that have it before them", async () => {
    const millrace = await scene().open({ workflows: [listener] });
    const start = { correlation: "key" };
    await millrace.start(listener, undefined, { id: "one", ...start });
    const two = await millrace.start(listener, undefined, { id: "two", ...start });
    await until("both wait", async () => (await millrace.list({ status: "parked" })).length === 2);
    await two.pause();
    await until(
      "it is paused",
      async () => (await millrace.list({ status: "paused" })).length === 1,
    );
    await scene().close(millrace);
    const quiet = await scene().open();
    for (const run of ["one", "two"]) await quiet.signal(run, "word", large("c"), { id: "s" });
    await scene().close(quiet);
    const again = await scene().open({ workflows: [listener] });
    expect(await again.result("one")).toBe(large("c"));
    await again.history.erase("one");
    await again.resume("two");
    expect(await again.result("two")).toBe(large("c"));
  });

  it("offers an erased run of a chain to nobody", async () => {
    const offered: string[] = [];
    const counting = faulty({
      queue: (queue) => ({
        async offer(ticket, at) {
          offered.push(ticket.run);
          return queue.offer(ticket, at);
        },
      }),
    });
    const millrace = await scene().open({ workflows: [rounds] });
    const run = await millrace.start(rounds, 1, { id: "first" });
    expect(await run.result()).toBe(2);
    const [end] = only(await scene().log("first"), "run.continued");
    await millrace.history.erase(end?.next ?? "");
    await scene().close(millrace);
    const later = { now: () => Date.now() + 60_000 };
    const { systemWorld } = await import("../stores/places.ts");
    const clock = Object.assign(Object.create(systemWorld.clock), later);
    const world = { ...systemWorld, clock };
    await scene().open({ workflows: [rounds], sweepEvery: 20, wrap: counting, world });
    await sleep(100);
    expect(offered).toEqual([]);
  });

  it("of many goes on where one went away, or was branched off, meanwhile", async () => {
    const other = await scene().open({ workflows: [rounds] });
    for (const id of ["a", "b", "c", "d"]) await (await other.start(rounds, 2, { id })).result();
    const met: string[] = [];
    const archive = async (run: string, lines: AsyncIterable<string>): Promise<void> => {
      met.push(run);
      if (run !== "a") return;
      await other.history.erase("b");
      await (await other.fork("c", { seq: 1 })).result();
      for await (const _ of lines) void _;
    };
    expect(await other.history.prune({ keep: 0, workflow: "rounds" }, archive)).toBe(2);
    expect(met).toEqual(["a", "d"]);
    const failing = async (): Promise<void> => {
      throw new MillraceError("E_TOO_LARGE", "the disk is full");
    };
    await (await other.start(rounds, 2, { id: "e" })).result();
    await expect(other.history.prune({ keep: 0 }, failing)).rejects.toMatchObject({
      code: "E_TOO_LARGE",
    });
  });
});

onStores(
  "erasing",
  (scene) => {
    it("leaves no label in the file of the index", async () => {
      const index = `${scene().file}.index`;
      const millrace = await scene().open({ workflows: [rounds], index });
      const label = "somebody-who-wants-to-be-forgotten";
      const run = await millrace.start(rounds, 2, { labels: { who: label } });
      await run.result();
      expect((await millrace.search({ labels: { who: label } })).runs).toHaveLength(1);
      const held = (): boolean =>
        [index, `${index}-wal`].some(
          (file) => existsSync(file) && readFileSync(file).includes(label),
        );
      expect(held()).toBe(true);
      await millrace.history.erase(run.id);
      expect(held()).toBe(false);
    });
  },
  ["sqlite"],
);
