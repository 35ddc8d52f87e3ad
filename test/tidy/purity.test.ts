// Time, chance and ids come from the kernel only; machines wait for nothing; names say something.
import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { imports, mask, published, type Source, sources } from "./sources.ts";

/** Everything that gives another answer the next time. */
const IMPURE = [
  /\bDate\b/,
  /\bset(?:Timeout|Interval|Immediate)\b/,
  /\bMath\s*\.\s*random\b/,
  /\brandom(?:UUID|Bytes|Int|FillSync)\b/,
  /\bgetRandomValues\b/,
  /\bperformance\b/,
  /\bhrtime\b/,
  /\bAbortSignal\s*\.\s*timeout\b/,
];
const IMPURE_MODULES = /^node:(?:timers|perf_hooks)/;

/** XState features that happen by themselves. */
const BY_ITSELF = /\b(?:after|invoke|always|entry|exit)\s*:|\bspawn(?:Child)?\b/;
const VAGUE = /^(?:utils?|helpers?|types|common|misc|managers?|shared|index|constants)\.ts$/;
const ENTRIES = new Set(["src/index.ts", "machines/index.ts"]);

const all = published();
const everything = [...all, ...sources("scripts", "bench", "examples", "test")];

/** Places where a pattern occurs in code, as "path:line: what". */
function places({ path, code }: Source, pattern: RegExp): string[] {
  return [...code.matchAll(new RegExp(pattern, "g"))].map(
    ({ index, 0: what }) => `${path}:${code.slice(0, index).split("\n").length}: ${what.trim()}`,
  );
}

describe("code as these tests see it", () => {
  it("is without comments, strings and patterns, and keeps its lines", () => {
    const text = [
      'const a = "Date"; // Date',
      "/* Date",
      ` * Date */ const b = /Date['"\`]/g.test(\`Date \${Math.max(1, { x: \`Date\` })} Date\`);`,
      "const c = a / 2 / b; const d = 'it\\'s Date';",
    ].join("\n");
    const code = mask(text);
    expect(code).not.toMatch(/Date/);
    expect(code).toMatch(/Math\.max\(1, \{ x: +\}\)/);
    expect(code).toContain("const c = a / 2 / b;");
    expect(code.split("\n").map((line) => line.length)).toEqual(
      text.split("\n").map((line) => line.length),
    );
  });
});

describe("time, timers, chance and ids", () => {
  it("are made in src/kernel only", () => {
    const outside = all.filter(({ path }) => !path.startsWith("src/kernel/"));
    const found = outside.flatMap((source) => [
      ...IMPURE.flatMap((pattern) => places(source, pattern)),
      ...imports(source)
        .filter((name) => IMPURE_MODULES.test(name))
        .map((name) => `${source.path}: ${name}`),
    ]);
    expect(found).toEqual([]);
  });
});

describe("machines", () => {
  it("use nothing that happens by itself", () => {
    const machines = all.filter(({ path }) => path.startsWith("machines/"));
    expect(machines.flatMap((source) => places(source, BY_ITSELF))).toEqual([]);
  });

  it("import nothing but xstate, immer and each other", () => {
    const machines = all.filter(({ path }) => path.startsWith("machines/"));
    const packages = machines.flatMap(imports).filter((name) => !/^\.\/[a-z-]+\.ts$/.test(name));
    expect([...new Set(packages)].sort()).toEqual(["immer", "xstate"]);
  });
});

describe("exports", () => {
  it("have names, and nothing is exported wholesale", () => {
    // A configuration file's default export is what its tool asks for.
    const ours = everything.filter(({ path }) => !path.endsWith(".config.ts"));
    const pattern = /\bexport\s+(?:default\b|\*)/;
    expect(ours.flatMap((source) => places(source, pattern))).toEqual([]);
  });
});

describe("files", () => {
  it("have names that say what is in them", () => {
    const vague = everything.filter(({ path }) => VAGUE.test(basename(path)) && !ENTRIES.has(path));
    expect(vague.map(({ path }) => path)).toEqual([]);
  });

  it("of the sources begin with why they exist", () => {
    // After the line that makes a file a command, and after what it imports.
    const opening = /^(?:#![^\n]*\n|import [^;]*;\n|\n)*\/\*\*?\s/;
    expect(all.filter(({ text }) => !opening.test(text)).map(({ path }) => path)).toEqual([]);
  });
});

describe("errors", () => {
  it("are never swallowed by an empty catch", () => {
    const pattern = /\bcatch\s*(?:\([^)]*\)\s*)?\{\s*\}/;
    expect(everything.flatMap((source) => places(source, pattern))).toEqual([]);
  });
});

describe("tests", () => {
  it("are neither skipped nor singled out, and nothing is left to do", () => {
    const found = everything.flatMap((source) => [
      ...places(source, /\b(?:it|test|describe)\s*\.\s*(?:skip|only|todo|fails)\b/),
      ...(/\b(?:T[O]DO|FIX[M]E|X[X]X)\b/.test(source.text) ? [`${source.path}: to do`] : []),
    ]);
    expect(found).toEqual([]);
  });
});
