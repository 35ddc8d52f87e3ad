/** `millrace signal` and `cancel`: what they put into a run's inbox, and what they refuse. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { type Millrace, open } from "../../src/index.ts";
import { all, command, scratchFolder, scratchStore } from "./command.ts";
import { patient, queued, squares } from "./fixtures/flows.ts";

let store = "";
const tell = (...args: string[]) => command([...args, "--store", store]);
/** Hosts runs in this process; whoever awaits it has been told by the commands of another one. */
const hosting = (): Promise<Millrace> => open({ store, workflows: [patient, squares, queued] });

beforeAll(async () => {
  store = await scratchStore();
  await using here = await hosting();
  await (await here.start(squares, { n: 1 }, { id: "ended" })).result();
});

describe("millrace signal", () => {
  it("reaches a run that waits for it, once per id", async () => {
    await using here = await hosting();
    const handle = await here.start(patient, { who: "you" }, { id: "waits" });
    const payload = join(await scratchFolder(), "payload.json");
    await writeFile(payload, '{"from":"a file"}');
    const sent = await tell("signal", "waits", "other", "1", "--id", "first");
    expect(sent.code).toBe(0);
    expect(sent.stdout).toMatch(/^signal other is kept for run waits \((running|parked)\)\n$/);
    expect((await tell("signal", "waits", "other", "1", "--id", "first")).code).toBe(0);
    const json = await tell("signal", "waits", "go", `@${payload}`, "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({ run: "waits", signal: "go" });
    expect(await handle.result()).toEqual({ first: "hello you", go: { from: "a file" } });
    const types = (await all(handle.events())).map(({ type }) => type);
    expect(types.filter((type) => type === "signal.received")).toHaveLength(2);
  });

  it("is kept for a run that does not exist yet", async () => {
    const { code, stdout } = await tell("signal", "later", "go", '"early"');
    expect([code, stdout]).toEqual([0, "there is no run later yet; signal go is kept for it\n"]);
    await using here = await hosting();
    const handle = await here.start(patient, { who: "me" }, { id: "later" });
    expect(await handle.result()).toMatchObject({ go: "early" });
  });

  it("is refused by a run that has ended", async () => {
    const { code, stderr } = await tell("signal", "ended", "go");
    expect(code).toBe(4);
    expect(stderr).toMatch(/^E_COMMAND_REFUSED: run ended has ended \(completed\)/);
  });
});

describe("millrace signal to many runs", () => {
  it("reaches those that have the key, and those that are started with it later", async () => {
    await using here = await hosting();
    const options = { id: "keyed", correlation: "order 7", labels: { shop: "x" } };
    const handle = await here.start(patient, { who: "you" }, options);
    const sent = await tell("signal", "--correlation", "order 7", "go", "1", "--keep", "2h");
    const later = "and for those started with the key within 2h";
    expect([sent.code, sent.stdout]).toEqual([0, "keyed\n"]);
    expect(sent.stderr).toBe(`signal go is kept for 1 run, ${later}\n`);
    expect(await handle.result()).toMatchObject({ go: 1 });
    const other = await here.start(patient, { who: "me" }, { correlation: "order 7" });
    expect(await other.result()).toMatchObject({ go: 1 });
  });

  it("goes by workflow and labels, and writes JSON", async () => {
    await using here = await hosting();
    const handle = await here.start(patient, { who: "you" }, { id: "lbl", labels: { shop: "y" } });
    const flags = ["--workflow", "patient", "--label", "shop=y", "--json"];
    const sent = await tell("signal", "go", ...flags);
    expect(JSON.parse(sent.stdout)).toEqual({ signal: "go", runs: ["lbl"] });
    expect(await handle.result()).toMatchObject({ go: null });
  });

  it("says what is missing, or too much", async () => {
    for (const words of [["run"], ["a", "b", "1", "2"], ["--correlation", "k", "a", "1", "2"]]) {
      const { code, stderr } = await tell("signal", ...words);
      expect([code, stderr.split(":")[0]]).toEqual([2, "E_OPTION_INVALID"]);
    }
  });
});

describe("millrace cancel", () => {
  it("ends a run, with the reason in its log", async () => {
    await using here = await hosting();
    const handle = await here.start(patient, { who: "you" }, { id: "unwanted" });
    const { code, stdout } = await tell("cancel", "unwanted", "--reason", "changed my mind");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^run unwanted \(\w+\) is asked to stop; its next host does it\n$/);
    await expect(handle.result()).rejects.toMatchObject({ code: "E_RUN_CANCELLED" });
    expect(await all(handle.events())).toContainEqual(
      expect.objectContaining({ type: "run.cancelling", reason: "changed my mind" }),
    );
  });

  it("writes JSON, and is refused by runs that have ended or do not exist", async () => {
    await using here = await open({ store, workflows: [patient], worker: false });
    await here.start(patient, { who: "you" }, { id: "asleep" });
    const asked = await tell("cancel", "asleep", "--json");
    expect(JSON.parse(asked.stdout)).toEqual({ run: "asleep", status: "pending", asked: true });
    const ended = await tell("cancel", "ended");
    expect([ended.code, ended.stderr.split(":")[0]]).toEqual([4, "E_COMMAND_REFUSED"]);
    const missing = await tell("cancel", "missing");
    expect([missing.code, missing.stderr.split(":")[0]]).toEqual([4, "E_RUN_NOT_FOUND"]);
  });
});

describe("millrace pause, resume and explain", () => {
  it("hold a run, say so, and let it go on", async () => {
    await using here = await hosting();
    const handle = await here.start(patient, { who: "me" }, { id: "held" });
    expect((await tell("pause", "held", "--reason", "audit")).code).toBe(0);
    await expect.poll(async () => (await handle.get()).status).toBe("paused");
    const explained = await tell("explain", "held", "--json");
    expect(JSON.parse(explained.stdout)).toMatchObject({
      run: "held",
      waits: [{ kind: "paused", what: "paused by command line: audit" }],
    });
    expect((await tell("explain", "held")).stdout).toContain("millrace resume held");
    expect((await tell("resume", "held")).code).toBe(0);
    await handle.signal("go", 1);
    await handle.result();
    expect((await tell("explain", "held")).stdout).toContain("it waits for nothing");
  });
});

describe("millrace limits", () => {
  it("lists what is full and who waits, in a table and as JSON", async () => {
    expect((await tell("limits")).stderr).toBe("no limit is in use\n");
    await using here = await hosting();
    for (const id of ["first", "second"]) await here.start(queued, "ada", { id });
    await vi.waitUntil(async () => (await here.limits())[0]?.waiting === 1, { timeout: 10_000 });
    const { stdout } = await tell("limits");
    expect(stdout).toMatch(/^queued +concurrency +ada +1 of 1 +0 +1 +second +\S+$/m);
    const [limit] = JSON.parse((await tell("limits", "--workflow", "queued", "--json")).stdout);
    expect(limit).toMatchObject({ workflow: "queued", key: "ada", used: 1, waiting: 1 });
    expect((await tell("explain", "second")).stdout).toContain("place 1 of 1");
    for (const id of ["first", "second"]) await here.signal(id, "go");
    await here.result("second");
  });
});
