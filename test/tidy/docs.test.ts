// What is exported is documented, every error has its page, and every example in the docs works.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorCodes } from "../../src/kernel/errors.ts";
import { files, published, read, root, type Source } from "./sources.ts";

/** A fenced block of a page. */
interface Block {
  readonly page: string;
  readonly line: number;
  /** What follows the fence: "ts", "ts run". */
  readonly info: string;
  readonly text: string;
}

const pages = [
  ...["README.md", "CONTRIBUTING.md"].filter((page) => existsSync(join(root, page))),
  ...files(["docs"], ".md"),
];

function blocksOf(page: string): Block[] {
  const text = read(page);
  return [...text.matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    page,
    line: text.slice(0, match.index).split("\n").length,
    info: (match[1] ?? "").trim(),
    text: match[2] ?? "",
  }));
}

const blocks = pages.flatMap(blocksOf);
const examples = blocks.filter(({ info }) => /^ts\b/.test(info));
const runnable = examples.filter(({ info }) => info === "ts run");
const nameOf = ({ page, line }: Block): string => `${page.replace(/[/.]/g, "-")}-${line}.ts`;

/** The package's entries, each with the source that it is built from: "millrace/nats", "src/nats.ts". */
const entries: ReadonlyMap<string, string> = new Map(
  Object.entries(
    (JSON.parse(read("package.json")) as { exports: Record<string, { default: string }> }).exports,
  ).map(([name, { default: built }]) => [
    `millrace${name.slice(1)}`,
    built.replace(/^\.\/dist\//, "").replace(/\.js$/, ".ts"),
  ]),
);

interface Ended {
  readonly code: number;
  readonly output: string;
}

const node = (args: readonly string[], cwd: string, timeout: number): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(process.execPath, args, { cwd, timeout, encoding: "utf8" }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, output: out + err });
    });
  });

describe("the examples in the docs", () => {
  const scratch = join(root, ".cache", `docs-examples-${process.pid}`);
  const home = mkdtempSync(join(tmpdir(), "millrace-docs-"));

  beforeAll(() => {
    mkdirSync(scratch, { recursive: true });
    const paths = Object.fromEntries(
      [...entries].map(([name, path]) => [name, [join(root, path)]]),
    );
    const compilerOptions = {
      rootDir: "../..",
      paths,
      // An example may show a value without using it.
      noUnusedLocals: false,
      noUnusedParameters: false,
    };
    const config = { extends: "../../tsconfig.json", compilerOptions, include: ["*.ts"] };
    writeFileSync(join(scratch, "tsconfig.json"), JSON.stringify(config));
    for (const block of examples) {
      writeFileSync(join(scratch, nameOf(block)), `${block.text}\nexport {};\n`);
    }
  });

  afterAll(() => {
    rmSync(scratch, { recursive: true, force: true });
    rmSync(home, { recursive: true, force: true });
  });

  it("are all found", () => {
    const fences = pages.flatMap((page) => [...read(page).matchAll(/^```ts\b/gm)]);
    expect(examples).toHaveLength(fences.length);
    expect(examples.filter(({ info }) => info !== "ts" && info !== "ts run")).toEqual([]);
  });

  it("are right in their types", { timeout: 120_000 }, async () => {
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const { code, output } = await node([tsc, "-p", scratch], root, 110_000);
    expect(output).toBe("");
    expect(code).toBe(0);
  });

  it.each(runnable)("run: $page, line $line", { timeout: 60_000 }, async (block) => {
    // A user's program finds the package by its name; here its sources stand in for it.
    const text = block.text.replace(/(\bfrom\s+")(millrace[^"]*)(")/g, (whole, from, name, end) => {
      const path = entries.get(name as string);
      return path === undefined ? whole : `${from}${pathToFileURL(join(root, path)).href}${end}`;
    });
    const file = join(scratch, `run-${nameOf(block)}`);
    writeFileSync(file, text);
    const { code, output } = await node([file], home, 50_000);
    expect(code, output).toBe(0);
  });
});

describe("the pages of errors", () => {
  const folder = "docs/errors/";
  const found = files(["docs/errors"], ".md").map((page) =>
    page.slice(folder.length, -".md".length),
  );

  it("are there for every code, and for nothing else", () => {
    expect(found).toEqual([...errorCodes].sort());
  });

  it.each(found)("say what happened and what to do: %s", (code) => {
    const text = read(`${folder}${code}.md`);
    const headings = [...text.matchAll(/^#+ .*$/gm)].map(([heading]) => heading);
    expect(headings.slice(0, 2)).toEqual([`# ${code}`, "## What happened"]);
    expect(headings).toContain("## What to do");
    expect(text.trimEnd().split("\n").length).toBeGreaterThanOrEqual(10);
    expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(40);
  });
});

const EXPORT =
  /^export (?:declare )?(?:abstract |async )?(function\*?|class|const|let|interface|type) (\w+)/;

/** Exports that nothing says anything about, as "path:line: name". */
function undocumented({ path, text }: Source): string[] {
  const lines = text.split("\n");
  const exported = lines.flatMap((line, index) => {
    const [, kind, name] = EXPORT.exec(line) ?? [];
    return kind === undefined || name === undefined ? [] : [{ kind, name, index }];
  });
  const values = exported.filter(({ kind }) => kind !== "interface" && kind !== "type");
  const only = new Set((values.length > 0 ? values : exported).map(({ name }) => name));
  const seen = new Set<string>();
  return exported
    .filter(({ name, index }) => {
      const overload = seen.has(name);
      seen.add(name);
      // What a file is about, its first lines say.
      const opening = only.size === 1 && only.has(name) && /^(?:#![^\n]*\n)?\/\*\*/.test(text);
      return !overload && !opening && !/\*\/\s*$/.test(lines[index - 1] ?? "");
    })
    .map(({ name, index }) => `${path}:${index + 1}: ${name}`);
}

describe("exports", () => {
  it.each([
    ["a function without a word", "import a;\nexport function f() {}", ["x.ts:2: f"]],
    ["one of two values", "/** F. */\nexport const f = 1;\nexport const g = 1;", ["x.ts:3: g"]],
    ["a type beside a value", "/** F. */\nexport type T = 1;\nexport class C {}\n", []],
    ["the file's only value", "/** F. */\nimport a;\n\nexport async function f() {}", []],
    ["overloads", "/** F. */\nexport function f(): 1;\nexport function f() {}", []],
    ["a re-export", 'export type { A } from "./a.ts";', []],
  ])("are recognised: %s", (_what, text, expected) => {
    expect(undocumented({ path: "x.ts", text, code: text })).toEqual(expected);
  });

  it("have a comment that says what they are for", () => {
    expect(published().flatMap(undocumented)).toEqual([]);
  });
});
