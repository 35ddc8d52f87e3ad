// Imports go down the list of layers and never in a circle; backends stay behind their adapters.
import { describe, expect, it } from "vitest";
import { imports, localImports, published, read, type Source } from "./sources.ts";

/** An import goes to a folder left of its own, or stays in it. */
const LAYERS = [
  "machines",
  "kernel",
  // Below whoever places steps: resources and allocation are pure (docs/adr/0005).
  "cluster",
  "events",
  "domain",
  "workflow",
  "projections",
  "ports",
  "adapters",
  "engine",
  "stores",
  // Below the client, which says what a deploy would break: histories against other code.
  "upgrade",
  "client",
  "runtime",
  "server",
  "dashboard",
  // Below the command line: `millrace doctor` runs the contract suites.
  "testing",
  "wfformat",
  "cli",
  "entry files",
];

/** Packages that only one folder may import. */
const BACKENDS: readonly (readonly [RegExp, string])[] = [
  [/^@nats-io\//, "src/adapters/nats/"],
  [/^node:sqlite$/, "src/adapters/sqlite/"],
];

/** Who may name an adapter: whoever puts a program together, and the suites that test adapters. */
const MAY_IMPORT_ADAPTERS = [
  /^src\/[^/]+\.ts$/,
  /^src\/runtime\/open-store\.ts$/,
  /^src\/cli\//,
  /^src\/testing\//,
];

const all = published();

function layerOf(path: string): number {
  const [top = "", folder = "", ...rest] = path.split("/");
  const name = top === "src" ? (rest.length === 0 ? "entry files" : folder) : top;
  const rank = LAYERS.indexOf(name);
  if (rank < 0) throw new Error(`${path} is in no known layer`);
  return rank;
}

/** The folder of an adapter; "src/adapters/" for what adapters share. */
const adapterOf = (path: string): string | undefined =>
  /^src\/adapters\/(?:[^/]+\/)?/.exec(path)?.[0];

/** An adapter may use what adapters share, and that may not use any of them. */
const isOwn = (target: string, path: string): boolean => path.startsWith(adapterOf(target) ?? path);

describe("imports", () => {
  it("are found, whatever their form", () => {
    const text = [
      'import { a } from "./a.ts";',
      'import type { B } from "../b/b.ts";',
      'export { c } from "./c.ts";',
      'import "./d.ts";',
      'const e = await import("./e.ts");',
      '// import { no } from "./no.ts";',
      'const s = `from "./no.ts"`;',
    ].join("\n");
    const code = text.replace(/^\/\/.*$|`.*`/gm, (silent) => " ".repeat(silent.length));
    const source = { path: "src/x/x.ts", text, code };
    expect(localImports(source)).toEqual([
      "src/x/a.ts",
      "src/b/b.ts",
      "src/x/c.ts",
      "src/x/d.ts",
      "src/x/e.ts",
    ]);
  });

  it("name files that exist, with their suffix", () => {
    const known = new Set(all.map(({ path }) => path));
    for (const source of all) {
      for (const target of localImports(source)) {
        expect(known.has(target), `${source.path} imports ${target}`).toBe(true);
      }
    }
  });

  it("go down the layers", () => {
    const up = all.flatMap((source) =>
      localImports(source)
        .filter((target) => layerOf(target) > layerOf(source.path))
        .map((target) => `${source.path} -> ${target}`),
    );
    expect(up).toEqual([]);
  });

  it("never go in a circle, not even for types", () => {
    const graph = new Map(all.map((source) => [source.path, localImports(source)]));
    expect(circles(graph)).toEqual([]);
  });

  it("of an adapter come from entry files, open-store, the command line and the suites only", () => {
    const strays = all.flatMap((source) =>
      localImports(source)
        .filter((target) => adapterOf(target) !== undefined && !isOwn(target, source.path))
        .filter(() => !MAY_IMPORT_ADAPTERS.some((allowed) => allowed.test(source.path)))
        .map((target) => `${source.path} -> ${target}`),
    );
    expect(strays).toEqual([]);
  });

  it("of a backend's packages stay in its adapter", () => {
    const strays = all.flatMap((source) =>
      imports(source)
        .filter((name) =>
          BACKENDS.some(([what, where]) => what.test(name) && !source.path.startsWith(where)),
        )
        .map((name) => `${source.path} -> ${name}`),
    );
    expect(strays).toEqual([]);
  });

  it("of packages are all runtime dependencies, and in the kit also what its users bring", () => {
    const { dependencies, peerDependencies } = JSON.parse(read("package.json")) as {
      dependencies: object;
      peerDependencies: object;
    };
    const foreign = all.flatMap((source) =>
      packages(source)
        .filter((name) => !(name in dependencies))
        .filter((name) => !(name in peerDependencies && source.path.startsWith("src/testing/")))
        .map((name) => `${source.path} -> ${name}`),
    );
    expect(foreign).toEqual([]);
  });

  it("of what users bring are reached from the kit's entry only", () => {
    const { peerDependencies } = JSON.parse(read("package.json")) as { peerDependencies: object };
    const programs = [...all.filter(({ path }) => /^src\/(?:[^/]+|cli\/main)\.ts$/.test(path))];
    const reaching = programs
      .filter(({ path }) =>
        reached(path)
          .flatMap(packages)
          .some((name) => name in peerDependencies),
      )
      .map(({ path }) => path);
    expect(reaching).toEqual(["src/testing.ts"]);
  });
});

/** Names of the packages that a source imports. */
const packages = (source: Source): string[] =>
  imports(source)
    .filter((name) => !name.startsWith(".") && !name.startsWith("node:"))
    .map((name) => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);

/** A source, and all that it loads, also lazily. */
function reached(path: string): Source[] {
  const byPath = new Map(all.map((source) => [source.path, source]));
  const found = new Set([path]);
  for (const one of found) {
    for (const target of localImports(byPath.get(one) ?? { path: one, text: "", code: "" }))
      found.add(target);
  }
  return [...found].flatMap((one) => byPath.get(one) ?? []);
}

/** Each circle once, as a path that comes back to its beginning. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const seen = trail.indexOf(path);
    if (seen >= 0) {
      found.push([...trail.slice(seen), path].join(" -> "));
      return;
    }
    if (done.has(path)) return;
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}
