/** Archives of runs that have unread mail, and imports that were cut short. */
import { expect, it } from "vitest";
import { open, workflow } from "../../src/index.ts";
import { all } from "../cli/command.ts";
import { onStores, refusal, until } from "../engine/kit/scene.ts";

const LARGE = "y".repeat(300_000);
const listener = workflow("listener", async (ctx) => {
  await ctx.run("begin", () => 1);
  return (await ctx.waitFor<string>("word")).length;
});

onStores("an archive", (scene) => {
  const unread = async (): Promise<readonly string[]> => {
    const here = await scene().open({ workflows: [listener] });
    const run = await here.start(listener, undefined, { id: "listens" });
    await until("it waits", async () => (await run.get()).status === "parked");
    await scene().close(here);
    const quiet = await scene().open();
    await quiet.signal(run.id, "word", LARGE);
    return all(quiet.history.export(run.id));
  };

  it("has the large values of what is unread", async () => {
    const texts = await unread();
    await using there = await open({ store: "memory", workflows: [listener] });
    await there.history.import(texts);
    expect(await there.result("listens")).toBe(LARGE.length);
  });

  it("goes on to be imported where that was cut short", async () => {
    const texts = await unread();
    const frames = texts.filter((text) => text.startsWith('{"frame"'));
    const first = [texts[0] ?? "", frames[0] ?? "", '{"end":"listens","frames":1}'];
    await using there = await open({ store: "memory" });
    expect(await there.history.import(first)).toMatchObject([{ events: 1, created: true }]);
    expect(await there.history.import(texts)).toMatchObject([{ created: true }]);
    expect(await there.history.import(texts)).toMatchObject([{ created: false }]);
    expect(await all(there.history.export("listens"))).toEqual(texts);
    const other = texts.map((text) => text.replace('"workflow":"listener"}', '"workflow":"x"}'));
    expect(await refusal(there.history.import(other))).toMatchObject({ code: "E_ARCHIVE_INVALID" });
  });
});
