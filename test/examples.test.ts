/** Every example runs, on every store that it can be pointed at, and prints what its head says. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sharedNatsServer } from "./support/nats-server.ts";

const ROOT = new URL("../examples/", import.meta.url).pathname;

const programs = ["", "stores/"].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}${name}`),
);

/** The line that an example promises: `Prints: …` at the end of its head. */
function promised(program: string): string {
  const [head = ""] = readFileSync(join(ROOT, program), "utf8").split("*/");
  const line = /Prints: (.*)/.exec(head)?.[1];
  if (line === undefined) throw new Error(`examples/${program} does not say what it prints`);
  return line;
}

async function printed(program: string, store?: string): Promise<string> {
  const env = { ...process.env, ...(store === undefined ? {} : { MILLRACE_STORE: store }) };
  const { stdout } = await promisify(execFile)(process.execPath, [join(ROOT, program)], { env });
  return stdout.trim();
}

describe("the examples", () => {
  const natsUrl = sharedNatsServer();
  let scratch = "";
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "millrace-examples-"));
  });
  afterAll(() => rm(scratch, { recursive: true, force: true }));

  it("are found", () => expect(programs.length).toBeGreaterThanOrEqual(6));

  it.each(programs)("%s prints what it says", async (program) => {
    expect(await printed(program)).toBe(promised(program));
  });

  const anywhere = programs.filter((program) =>
    readFileSync(join(ROOT, program), "utf8").includes("MILLRACE_STORE"),
  );
  it.each(anywhere)("%s does so on sqlite and on nats", async (program) => {
    const file = `sqlite:${join(scratch, program.replace("/", "-"))}.db`;
    expect(await printed(program, file)).toBe(promised(program));
    expect(await printed(program, natsUrl())).toBe(promised(program));
  });
});
