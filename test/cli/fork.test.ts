/** `millrace fork`, `rerun` and `compare`: what they start, what they show, and what they refuse. */
import { beforeAll, describe, expect, it } from "vitest";
import { type Millrace, open } from "../../src/index.ts";
import { command, scratchStore } from "./command.ts";
import { patient } from "./fixtures/flows.ts";

let store = "";
const call = (...args: string[]) => command([...args, "--store", store]);
const hosting = (): Promise<Millrace> => open({ store, workflows: [patient] });

beforeAll(async () => {
  store = await scratchStore();
  await using here = await hosting();
  const run = await here.start(patient, { who: "you" }, { id: "origin" });
  for await (const event of run.events()) if (event.type === "wait.opened") break;
  await run.signal("go", "left");
  await run.result();
});

describe("millrace fork", () => {
  it("starts a run with another signal, and compare shows what is different", async () => {
    const told = await call("fork", "origin", "--signal", 'go="right"', "--id", "other");
    expect([told.code, told.stderr]).toEqual([0, ""]);
    expect(told.stdout).toMatch(/^run other goes on where run origin was behind event \d+\n$/);
    await using here = await hosting();
    expect(await here.result("other")).toEqual({ first: "hello you", go: "right" });
    const compared = await call("compare", "origin", "other");
    expect(compared.stdout).toMatch(/^in common up to event \d+ of run origin\n/);
    expect(compared.stdout).toMatch(/signal\.received go "left" +\d+ +signal\.received go "right"/);
    const json = JSON.parse((await call("compare", "origin", "other", "--all", "--json")).stdout);
    expect(json.common.run).toBe("origin");
    expect(json.events.length).toBeGreaterThan(2);
    expect((await call("compare", "other", "other")).stdout).toMatch(/no difference\n$/);
    expect((await call("show", "other")).stdout).toMatch(/fork of +origin, event \d+/);
  });

  it("takes other code and labels, by which it is found", async () => {
    const code = new URL("fixtures/flows.ts", import.meta.url).pathname;
    const label = ["--label", "kind=what-if", "--label", "by=ada"];
    const told = await call("fork", "origin", "--at", "2", "--code", code, ...label, "--json");
    expect([told.code, told.stderr]).toEqual([0, ""]);
    const { run } = JSON.parse(told.stdout);
    const past = ["--created-from", "2020-01-01", "--created-until", "2100-01-01T00:00:00Z"];
    const found = await call("search", "--label", "kind=what-if", ...past, "--json");
    expect(JSON.parse(found.stdout).runs).toMatchObject([{ run, labels: { by: "ada" } }]);
    const none = await call("search", "--created-until", "2020-01-01", "--json");
    expect(JSON.parse(none.stdout).runs).toEqual([]);
    expect((await call("search", "--created-from", "later")).code).toBe(2);
    const other = new URL("fixtures/stray.ts", import.meta.url).pathname;
    expect((await call("fork", "origin", "--at", "2", "--code", other)).code).toBe(2);
  });

  it("refuses what it cannot mean, with exit code 2", async () => {
    for (const args of [
      ["--at", "0"],
      ["--at", "900"],
      ["--result", "x"],
      ["--signal", "=1"],
      [],
    ]) {
      const { code, stderr } = await call("fork", "origin", ...args);
      expect([code, stderr.split(":")[0]]).toEqual([2, "E_OPTION_INVALID"]);
    }
    expect((await call("fork", "nothing", "--at", "1")).code).toBe(4);
  });
});

describe("millrace rerun", () => {
  it("does a step again in a new run", async () => {
    const { code, stdout } = await call("rerun", "origin", "--from", "first", "--json");
    expect(code).toBe(0);
    const { run, forkOf } = JSON.parse(stdout);
    expect(forkOf.run).toBe("origin");
    await using here = await hosting();
    await here.signal(run, "go", "again");
    expect(await here.result(run)).toMatchObject({ go: "again" });
    expect((await call("rerun", "origin", "--from", "nothing")).code).toBe(2);
  });
});
