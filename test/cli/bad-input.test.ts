/** What the command line refuses: each with a code, a hint and an exit code, and nothing written. */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { command, FLOWS, millrace, scratchFolder } from "./command.ts";

const home = process.cwd();
let folder = "";

const files: Readonly<Record<string, string>> = {
  "empty.js": "export const nothing = 1;",
  "unbuilt.js": "export const flow = { step: () => {}, build: () => {} };",
  "broken.js": "export const = 1;",
  "enum.ts": "enum Colour { Red }\nexport const red = Colour.Red;",
  "throws.js": "throw new Error('not today');",
  "cycle.ts": `import { graph } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)};
    const step = (builder: any, name: string, needs: string[]) => builder.step(name, { needs }, () => 1);
    export const flow = step(step(graph("round"), "a", ["b"]), "b", ["a"]).build();`,
};

beforeAll(async () => {
  folder = await scratchFolder();
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  await writeFile(join(folder, "not-json.txt"), "{n: 1}");
  await mkdir(join(folder, "stores"));
  await writeFile(
    join(folder, "stores", "foreign.db"),
    "this is no database, but long enough".repeat(40),
  );
  process.chdir(folder);
});
afterAll(() => process.chdir(home));

const squares = (...more: string[]): string[] => ["run", FLOWS, "--workflow", "squares", ...more];
const at = (...args: string[]): string[] => [...args, "--store", "sqlite:stores/new.db"];

/** Arguments, exit code, how stderr begins. */
const table: readonly (readonly [string[], number, string])[] = [
  [["rnus"], 2, "E_OPTION_INVALID: unknown command 'rnus' (Did you mean runs?)"],
  [["runs", "--lmit", "3"], 2, "E_OPTION_INVALID: unknown option '--lmit' (Did you mean --limit?)"],
  [["runs", "--limit", "-1"], 2, "E_OPTION_INVALID: option '--limit <count>' argument '-1'"],
  [["runs", "--limit", "1e3"], 2, "E_OPTION_INVALID: option '--limit <count>' argument '1e3'"],
  [["runs", "--status", "done"], 2, "E_OPTION_INVALID: option '--status <status>' argument 'done'"],
  [["runs", "--json", "extra"], 2, "E_OPTION_INVALID: too many arguments"],
  [["show"], 2, "E_OPTION_INVALID: missing required argument 'run'"],
  [["worker"], 2, "E_OPTION_INVALID: missing required argument 'files'"],
  [["events", "x", "--from", "0"], 2, "E_OPTION_INVALID: option '--from <place>' argument '0'"],
  [["runs", "--store", "memory"], 2, "E_OPTION_INVALID: store: memory ends with its process"],
  [["worker", FLOWS, "--store", "sqlite::memory:"], 2, "E_OPTION_INVALID: store: sqlite::memory:"],
  [["runs", "--store", "sqlite:"], 2, "E_OPTION_INVALID: store: sqlite: lacks its path"],
  [
    ["runs", "--store", "ntas://me:se@c/ret@host"],
    2,
    'E_OPTION_INVALID: store: "ntas://***@host" is no address',
  ],
  [["runs", "--namespace", "a.b"], 2, 'E_ID_INVALID: namespace "a.b"'],
  [at("runs"), 3, "E_STORE_MISSING: there is no store at stores/new.db"],
  [["runs", "--store", "sqlite:stores"], 3, "E_STORE_UNAVAILABLE: the store "],
  [["runs", "--store", "sqlite:stores/foreign.db"], 3, "E_LOG_CORRUPT: the store "],
  [["runs", "--store", "nats://127.0.0.1:1"], 3, "E_STORE_UNAVAILABLE: no NATS server"],
  [at("run", "missing.ts"), 2, "E_OPTION_INVALID: file missing.ts: there is no such file"],
  [at("run", "empty.js"), 2, "E_OPTION_INVALID: file empty.js: it exports no workflow"],
  [at("run", "unbuilt.js"), 2, "E_OPTION_INVALID: file unbuilt.js: it exports a graph that is not"],
  [at("run", "broken.js"), 2, "E_OPTION_INVALID: file broken.js: it cannot be loaded; "],
  [at("run", "enum.ts"), 2, "E_OPTION_INVALID: file enum.ts: it cannot be loaded (at "],
  [at("worker", "throws.js"), 2, "E_OPTION_INVALID: file throws.js: it cannot be loaded"],
  [at("run", "cycle.ts"), 2, "E_DEF_CYCLE: workflow round can never end"],
  [at("run", FLOWS), 2, "E_OPTION_INVALID: the file exports 7 workflows; choose one"],
  [
    at("run", FLOWS, "--workflow", "sqares"),
    2,
    'E_WORKFLOW_UNKNOWN: the file exports no workflow named "sqares" (did you mean "squares"?)',
  ],
  [at(...squares("--input", "{n:5}")), 2, 'E_NOT_JSON: --input "{n:5}" is not JSON'],
  [at(...squares("--input", "@not-json.txt")), 2, "E_NOT_JSON: --input: the file not-json.txt is"],
  [at(...squares("--input", "@nowhere")), 2, "E_OPTION_INVALID: --input: the file nowhere cannot"],
  [[...squares("--id", "*"), "--store", "memory"], 2, 'E_ID_INVALID: run id "*"'],
];

describe.concurrent("millrace refuses", () => {
  it.each(table)("%j", async (args, exitCode, begins) => {
    // Whatever loads files of users does so under plain node.
    const isLoading = args[0] === "run" || args[0] === "worker";
    const { code, stdout, stderr } = await (isLoading ? millrace : command)(args);
    const [first = ""] = stderr.split("\n");
    expect(first.slice(0, begins.length)).toBe(begins);
    expect(code).toBe(exitCode);
    expect(stdout).toBe("");
    const errorCode = begins.slice(0, begins.indexOf(":"));
    expect(stderr.trimEnd().split("\n").at(-1)).toBe(`  see docs/errors/${errorCode}.md`);
    expect(stderr).not.toContain("ret@");
  });

  it("an empty command line with the help on stderr", async () => {
    const { code, stdout, stderr } = await millrace([]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("Exit codes:");
    expect(await millrace(["--help"])).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("what was refused", () => {
  it("left no store behind", async () => {
    expect(await readdir(join(folder, "stores"))).toEqual(["foreign.db"]);
    expect((await readdir(folder)).sort()).toEqual(
      [...Object.keys(files), "not-json.txt", "stores"].sort(),
    );
  });
});
