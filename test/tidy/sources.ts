/** The repository's own files, as text and as code: what the tidiness tests look at. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

export const root = new URL("../..", import.meta.url).pathname;

export interface Source {
  /** From the root, with slashes: "src/kernel/clock.ts". */
  readonly path: string;
  readonly text: string;
  /** The text with comments and the content of strings blanked out; line and column stay the same. */
  readonly code: string;
}

/** Files below some folders that end with `suffix`, in order of path. */
export function files(folders: readonly string[], suffix: string): string[] {
  return folders
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}

export const read = (path: string): string => readFileSync(join(root, path), "utf8");

export function sources(...folders: string[]): Source[] {
  return files(folders, ".ts").map((path) => {
    const text = read(path);
    return { path, text, code: mask(text) };
  });
}

/** What the package publishes: machines and sources. */
export const published = (): Source[] => sources("machines", "src");

/** Before these words and characters a slash begins a pattern, not a division. */
const BEFORE_PATTERN =
  /(?:^|[=(,:;!&|?{}[+\-*%<>~^]|\b(?:return|typeof|case|in|of|await|yield))\s*$/;

/** One token that is not code, from the start of `rest`; empty: there is none. */
function silentToken(rest: string, before: string): string {
  const [first, second] = rest;
  if (first === "/" && second === "/") return /^[^\n]*/.exec(rest)?.[0] ?? "";
  if (first === "/" && second === "*") return /^\/\*[\s\S]*?\*\//.exec(rest)?.[0] ?? "";
  if (first === '"' || first === "'") {
    return /^(["'])(?:\\[\s\S]|(?!\1)[^\\\n])*\1/.exec(rest)?.[0] ?? "";
  }
  if (first === "/" && BEFORE_PATTERN.test(before.slice(-40))) {
    return /^\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/.exec(rest)?.[0] ?? "";
  }
  return "";
}

/** Code without anything that begins or ends what is not code. */
const PLAIN = /^[^`"'/{}]+/;

const blank = (text: string): string => text.replace(/[^\n]/g, " ");

/** Text with comments, strings and patterns blanked. Code inside of templates stays. */
export function mask(text: string): string {
  let out = "";
  // Depth of braces inside each `${` that is open.
  const templates: number[] = [];
  for (let at = 0; at < text.length; ) {
    const char = text[at] ?? "";
    const open = templates.at(-1);
    if (char === "`" || (char === "}" && open === 0)) {
      if (char === "}") templates.pop();
      const [part, opens] = templatePart(text, at + 1);
      if (opens) templates.push(0);
      out += ` ${blank(part)}`;
      at += 1 + part.length;
      continue;
    }
    const plain = PLAIN.exec(text.slice(at, at + 200))?.[0];
    if (plain !== undefined) {
      out += plain;
      at += plain.length;
      continue;
    }
    const token = silentToken(text.slice(at), out);
    if (token !== "") {
      // A string stays a string to whoever looks at the shape of the code.
      out += /^["']/.test(token) ? `"${blank(token.slice(2))}"` : blank(token);
      at += token.length;
      continue;
    }
    if (open !== undefined && char === "{") templates[templates.length - 1] = open + 1;
    if (open !== undefined && char === "}") templates[templates.length - 1] = open - 1;
    out += char;
    at++;
  }
  return out;
}

/** The literal part of a template from `from` on, with what ends it; true: that is a `${`. */
function templatePart(text: string, from: number): readonly [string, boolean] {
  const part = /^(?:\\[\s\S]|\$(?!\{)|[^\\`$])*(?:`|\$\{)/.exec(text.slice(from))?.[0] ?? "";
  return [part, part.endsWith("${")];
}

/** The modules that a source imports or re-exports, also for types only and also lazily. */
export function imports({ text, code }: Source): string[] {
  const found: string[] = [];
  for (const match of code.matchAll(/\b(?:from\s*|import\s*\(?\s*)"/g)) {
    const begin = match.index + match[0].length;
    found.push(text.slice(begin, text.indexOf(text[begin - 1] ?? '"', begin)));
  }
  return found;
}

/** A source's own imports, as paths from the root; packages are left out. */
export function localImports(source: Source): string[] {
  const folder = new URL(source.path, "file:///");
  return imports(source)
    .filter((name) => name.startsWith("."))
    .map((name) => new URL(name, folder).pathname.slice(1));
}
