/** `millrace export`, `import`, `erase` and `prune`: files that bring runs back, and what asks before it is gone. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Millrace, open } from "../../src/index.ts";
import { command, scratchFolder, scratchStore } from "./command.ts";
import { squares } from "./fixtures/flows.ts";

let store = "";
const call = (...args: string[]) => command([...args, "--store", store]);
const hosting = (): Promise<Millrace> => open({ store, workflows: [squares] });

beforeAll(async () => {
  store = await scratchStore();
  await using here = await hosting();
  for (const id of ["one", "two"]) await (await here.start(squares, { n: 2 }, { id })).result();
});

describe("the command line", () => {
  it("exports a run into a file that a new store takes up", async () => {
    const folder = await scratchFolder();
    const [file, other] = [join(folder, "one.jsonl"), `sqlite:${join(folder, "other.db")}`];
    expect((await call("export", "one", "--file", file)).stdout).toBe(`run one is in ${file}\n`);
    expect(await readFile(file, "utf8")).toBe((await call("export", "one")).stdout);
    const imported = await command(["import", file, "--store", other]);
    expect([imported.code, imported.stderr]).toEqual([0, ""]);
    expect(imported.stdout).toMatch(/one +squares +\d+ +imported/);
    const [before, after] = await Promise.all([
      call("show", "one", "--json"),
      command(["show", "one", "--store", other, "--json"]),
    ]);
    expect(JSON.parse(after.stdout)).toEqual(JSON.parse(before.stdout));
    expect((await command(["import", join(folder, "none"), "--store", other])).code).toBe(2);
    expect((await call("export", "nothing", "--file", join(folder, "x"))).code).toBe(4);
  });

  it("erases nothing without --yes, and prunes what it has listed", async () => {
    const asked = await call("erase", "two");
    expect([asked.code, asked.stderr.split(":")[0]]).toEqual([2, "E_OPTION_INVALID"]);
    const folder = await scratchFolder();
    const rule = ["prune", "--keep", "1", "--archive", folder];
    const listed = await call(...rule);
    expect(listed.stdout).toMatch(/one +squares +completed/);
    expect(listed.stderr).toMatch(/1 runs would be erased; say --yes/);
    expect(JSON.parse((await call(...rule, "--yes", "--json")).stdout)).toEqual({
      erased: true,
      runs: ["one"],
    });
    expect(await readFile(join(folder, "one.jsonl"), "utf8")).toContain('"end":"one"');
    expect((await call("show", "one")).code).toBe(4);
    const erased = await call("erase", "two", "--yes", "--reason", "over", "--json");
    expect(JSON.parse(erased.stdout)).toMatchObject({
      run: "two",
      reason: "over",
      by: "command line",
    });
    const proofs = await call("erasures");
    expect(proofs.stdout).toMatch(
      /^run .*asked .*gone.*\none +squares .*retention\ntwo +squares .*over\n$/,
    );
    expect(JSON.parse((await call("erasures", "--json")).stdout)).toMatchObject([
      { run: "one", completedAt: expect.any(Number) },
      { run: "two", reason: "over" },
    ]);
    expect((await call("prune")).code).toBe(2);
  });
});
