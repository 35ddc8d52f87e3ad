// Files and functions small enough to be read in one go.
import { stripTypeScriptTypes } from "node:module";
import { describe, expect, it } from "vitest";
import { mask, type Source, sources } from "./sources.ts";

const FILE_LINES = 300;
const TEST_FILE_LINES = 400;
const FUNCTION_LINES = 70;

const shipped = sources("machines", "src", "scripts", "bench", "examples");
const tests = sources("test");

const lines = (text: string): number => text.trimEnd().split("\n").length;

/** Words that may stand before a parenthesis and a block without making a function. */
const NOT_A_FUNCTION = /\b(?:if|for|while|switch|catch|with|await)\s*$/;
/**
 * A group of tests, also one of several groups made at once, is as long as its tests are many. One that
 * is made once per store gets its `scene`.
 */
const GROUP_OF_TESTS = /^\s*describe\b|^(?!it\b|test\b)\w+\(|^ {2}\(scene\)/;

interface Long {
  readonly line: number;
  readonly lines: number;
}

/** Functions longer than the limit, found by their braces; types are taken away first. */
function longFunctions(text: string, max: number): Long[] {
  const code = mask(stripTypeScriptTypes(text));
  const long: Long[] = [];
  const open: number[] = [];
  for (let at = 0; at < code.length; at++) {
    if (code[at] === "{") open.push(at);
    if (code[at] !== "}") continue;
    const begin = open.pop() ?? 0;
    const height = lines(code.slice(begin, at + 1));
    if (height <= max || !isFunction(code, begin)) continue;
    long.push({ line: code.slice(0, begin).split("\n").length, lines: height });
  }
  return long;
}

/** Whether the block at `brace` is a function's: after an arrow, or after parameters. */
function isFunction(code: string, brace: number): boolean {
  const before = code.slice(0, brace).trimEnd();
  const line = before.slice(before.lastIndexOf("\n") + 1);
  if (GROUP_OF_TESTS.test(line)) return false;
  if (before.endsWith("=>")) return true;
  if (!before.endsWith(")")) return false;
  let depth = 0;
  for (let at = before.length - 1; at >= 0; at--) {
    if (before[at] === ")") depth++;
    if (before[at] === "(" && --depth === 0) return !NOT_A_FUNCTION.test(before.slice(0, at));
  }
  return false;
}

describe("a function's length", () => {
  const body = "  void 0;\n".repeat(5);

  it.each([
    ["a function", `function f(a: { x: 1 }): { y: 2 } {\n${body}}`],
    ["an arrow", `const f = (a = (1)): void => {\n${body}};`],
    ["a method", `class A {\n  #m<T>(a: T): Promise<T> {\n${body}}\n}`],
    ["a constructor with a default", `class A {\n  constructor(f = () => 1) {\n${body}}\n}`],
    ["a getter", `const o = {\n  get a() {\n${body}},\n};`],
    ["a test", `it("does", async () => {\n${body}});`],
  ])("is that of %s", (_what, text) => {
    expect(longFunctions(text, 6)).toHaveLength(1);
    expect(longFunctions(text, 7)).toEqual([]);
  });

  it.each([
    ["a condition", `if ((a) && b) {\n${body}}`],
    ["a loop", `for await (const a of b()) {\n${body}}`],
    ["a handler", `try {\n${body}} catch (error) {\n${body}} finally {\n${body}}`],
    ["a class", `class A extends B {\n${"  a = 1;\n".repeat(5)}}`],
    ["an object", `const o = {\n${"  a: 1,\n".repeat(5)}};`],
    ["a type", `interface A {\n${"  a: 1;\n".repeat(5)}}`],
    ["a group of tests", `describe("a } in a string", () => {\n${body}});`],
    ["text", `const s = \`function f() {\n\${1}\n\n\n\n\n}\`; // function f() {`],
  ])("is not that of %s", (_what, text) => {
    expect(longFunctions(text, 6)).toEqual([]);
  });
});

const tooLong = (all: readonly Source[], max: number): string[] =>
  all
    .map(({ path, text }) => ({ path, length: lines(text) }))
    .filter(({ length }) => length > max)
    .map(({ path, length }) => `${path}: ${length} lines`);

describe("the repository's", () => {
  it(`files have at most ${FILE_LINES} lines, tests ${TEST_FILE_LINES}`, () => {
    expect([...tooLong(shipped, FILE_LINES), ...tooLong(tests, TEST_FILE_LINES)]).toEqual([]);
  });

  it(`functions have at most ${FUNCTION_LINES} lines`, () => {
    const long = [...shipped, ...tests].flatMap(({ path, text }) =>
      longFunctions(text, FUNCTION_LINES).map((f) => `${path}:${f.line}: ${f.lines} lines`),
    );
    expect(long).toEqual([]);
  });
});
