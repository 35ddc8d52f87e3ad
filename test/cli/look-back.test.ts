/** `millrace state`, `diff` and `replay` over runs that have ended. */
import { beforeAll, describe, expect, it } from "vitest";
import { open, workflow } from "../../src/index.ts";
import { command, jsonLines, scratchStore } from "./command.ts";
import { shaky } from "./fixtures/flows.ts";

const talk = workflow("talk", async (ctx, word: string) => {
  await ctx.run("keep", (step) => step.checkpoint({ word }));
  await ctx.sleep("nap", 5);
  const answer = await ctx.waitFor("answer");
  return ctx.run("join", async (step) => {
    await step.emit("draft", "\u001b[31m");
    return `${word} ${answer}`;
  });
});

let store = "";
const seqs: Record<string, number> = {};
const look = (...args: string[]) => command([...args, "--store", store]);

beforeAll(async () => {
  store = await scratchStore();
  await using here = await open({ store, workflows: [talk, shaky] });
  const run = await here.start(talk, "hello", { id: "talk" });
  for await (const { type, seq } of run.events()) {
    seqs[type] = seq;
    if (type === "wait.opened") await run.signal("answer", "you", { id: "s1" });
  }
  await (await here.start(shaky, null, { id: "shaky" })).result();
});

describe.concurrent("millrace state", () => {
  it("shows a run as it was, kind by kind", async () => {
    const waiting = await look("state", "talk", "--at", String(seqs["wait.opened"]));
    expect(waiting.code).toBe(0);
    expect(waiting.stdout).toMatch(/^status +(?:running|parked)$/m);
    expect(waiting.stdout).toMatch(/^waits\n {2}answer +for answer$/m);
    expect(waiting.stdout).toMatch(/^checkpoints\n {2}1 +\S+ +\S+ \S+ +16 bytes$/m);
    const { stdout } = await look("state", "talk", "--at", "10000");
    expect(stdout).toMatch(/^join +completed +1/m);
    expect(stdout).toMatch(/^signals\n {2}s1 +answer +taken by answer +"you"$/m);
    expect(stdout).toMatch(/^outputs\n {2}\S+ .*attempt 1 .*draft$/m);
    expect(stdout.trimEnd().split("\n").at(-1)).toBe('"hello you"');
    expect(stdout).not.toContain("\u001b");
  });

  it("writes it as JSON, by seq or by time", async () => {
    const [created] = jsonLines((await look("events", "talk", "--json")).stdout);
    const at = new Date(created?.["at"] as number).toISOString();
    const first = JSON.parse((await look("state", "talk", "--at", at, "--json")).stdout) as object;
    expect(first).toMatchObject({ run: "talk", status: "pending", steps: [] });
    const { stdout } = await look("state", "talk", "--at", "1", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ seq: 1, workflow: "talk" });
  });

  it.each([
    [["state", "talk"], 2, "--at"],
    [["state", "talk", "--at", "now"], 2, "It must be a seq from 1, or a time"],
    [["state", "nobody", "--at", "1"], 4, "there is no run nobody"],
    [["state", "talk", "--at", "1999-01-01"], 4, "there is no run talk in this namespace at 1999"],
  ])("refuses %j", async (args, exit, why) => {
    const { code, stderr } = await look(...args);
    expect(code).toBe(exit);
    expect(stderr).toContain(why);
  });
});

describe.concurrent("millrace diff", () => {
  it("tells what came, went and changed", async () => {
    const { code, stdout } = await look("diff", "talk", String(seqs["wait.opened"]), "10000");
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^run talk {2}event ${seqs["wait.opened"]} → \\d+$`, "m"));
    expect(stdout).toMatch(/^status +\S+ → completed$/m);
    expect(stdout).toMatch(/^output +- → "hello you"$/m);
    expect(stdout).toMatch(/^steps\n {2}\+ join +status completed; attempt 1; /m);
    expect(stdout).toMatch(/^waits\n {2}- answer +name answer; /m);
    expect(stdout).toMatch(/^signals\n {2}\+ s1 +name answer; payload "you"; /m);
    expect(stdout).not.toContain("\u001b");
    expect((await look("diff", "talk", "3", "3")).stdout).toContain("nothing is different");
  });

  it("tells of a step what changed in it", async () => {
    const retrying = jsonLines((await look("events", "shaky", "--json")).stdout).find(
      ({ type }) => type === "step.retrying",
    );
    const { stdout } = await look("diff", "shaky", String(retrying?.["seq"]), "10000");
    expect(stdout).toMatch(/~ shake +status retrying → completed; attempt 1 → 2; /);
    const json = await look("diff", "shaky", "1", "10000", "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({ run: "shaky", from: 1, steps: [{}] });
  });
});

describe.concurrent("millrace replay", () => {
  it("plays a run line by line where there is no terminal", async () => {
    const played = await look("replay", "talk");
    expect(played.code).toBe(0);
    expect(played.stdout).toBe((await look("events", "talk")).stdout);
    const part = await look("replay", "talk", "--from", "2", "--to", "3", "--speed", "100");
    expect(part.stdout.trimEnd().split("\n")).toHaveLength(2);
  });

  it("writes each event with what it changed", async () => {
    const lines = jsonLines((await look("replay", "shaky", "--json")).stdout);
    expect(lines[0]).toMatchObject({ event: { type: "run.created" }, diff: null });
    expect(lines.at(-1)).toMatchObject({
      event: { type: "run.completed" },
      diff: { fields: expect.arrayContaining([expect.objectContaining({ field: "status" })]) },
    });
  });

  it("refuses a speed that is none", async () => {
    const { code, stderr } = await look("replay", "talk", "--speed", "0");
    expect([code, stderr]).toEqual([2, expect.stringContaining("It must be a number above zero")]);
  });
});
