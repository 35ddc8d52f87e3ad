/** `millrace run`, as a process: progress, result, exit codes, and what happens when it is stopped. */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { FLOWS, jsonLines, millrace, scratchFolder, scratchStore, start } from "./command.ts";

const STRAY = fileURLToPath(new URL("fixtures/stray.ts", import.meta.url));
const run = (workflow: string, store: string, ...more: string[]): string[] => [
  "run",
  FLOWS,
  "--workflow",
  workflow,
  "--store",
  store,
  ...more,
];

describe.concurrent("millrace run", () => {
  it("prints a line per step that moves, then the result", async () => {
    const args = run("squares", await scratchStore(), "--input", '{"n":5}', "--id", "r1");
    const { code, stdout, stderr } = await millrace(args);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toBe("run r1  squares");
    expect(stdout).toMatch(/^list +running +attempt 1$/m);
    expect(stdout).toMatch(/^list +completed +attempt 1 +\d+ms$/m);
    expect(stdout).toMatch(/^square +completed +\d+ms +5\/5 items$/m);
    expect(stdout).toMatch(/^sum +completed +attempt 1 +\d+ms$/m);
    expect(lines).toContain("summing up");
    expect(lines.at(-2)).toMatch(/^run r1 {2}squares {2}completed {2}\d/);
    expect(lines.at(-1)).toBe("30");
    expect(stdout).not.toContain("\u001b");
  });

  it("with --json writes one event per line, then the result, and steps' output elsewhere", async () => {
    const args = run("squares", await scratchStore(), "--input", '{"n":2}', "--id", "r2", "--json");
    const { code, stdout, stderr } = await millrace(args);
    expect(code).toBe(0);
    expect(stderr).toBe("summing up\n");
    const lines = jsonLines(stdout);
    expect(lines.at(-1)).toEqual({ type: "result", run: "r2", status: "completed", output: 1 });
    const events = lines.slice(0, -1);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events[0]).toMatchObject({ type: "run.created", run: "r2", workflow: "squares" });
    expect(events.at(-1)).toMatchObject({ type: "run.completed" });
  });

  it("shows retries, and the log of steps on stderr", async () => {
    const { code, stdout, stderr } = await millrace(run("shaky", await scratchStore()));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^shake +retrying +attempt 1 +again (now|in \d+ms); Error: once$/m);
    expect(stdout).toMatch(/^shake +running +attempt 2 +after Error: once$/m);
    expect(stdout.trimEnd().split("\n").at(-1)).toBe('"steady"');
    expect(stderr).toMatch(/^info: steady now \{.*"step":"shake","attempt":2\}\n$/);
  });

  it("exits with 1 when the run fails, says why, and disarms the message", async () => {
    const args = run("hostile", await scratchStore(), "--id", "r3");
    const { code, stdout, stderr } = await millrace(args);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^attack +failed +attempt 1 .*E_TERMINAL: \\x1b\[2Jboom\\u\{202e\}$/m);
    const [first, ...more] = stderr.trimEnd().split("\n");
    expect(first).toBe("E_RUN_FAILED: run r3 failed: step attack failed: \\x1b[2Jboom\\u{202e}");
    expect(more[0]).toMatch(/^ {2}caused by E_STEP_FAILED: /);
    expect(more.join("\n")).toMatch(/caused by E_TERMINAL: .*\n {4}at .*flows\.ts:\d+:\d+/);
    expect(more.at(-1)).toBe("  see docs/errors/E_RUN_FAILED.md");
    expect(stdout + stderr).not.toContain("\u001b");
    expect(stdout + stderr).not.toContain("\u202e");
    const again = await millrace([...args, "--json"]);
    expect(again.code).toBe(1);
    expect(jsonLines(again.stdout).at(-1)).toMatchObject({
      type: "result",
      run: "r3",
      status: "failed",
      error: { code: "E_RUN_FAILED" },
    });
  });

  it("writes results so that a terminal shows them and JSON keeps them", async () => {
    const { stdout } = await millrace(run("titled", await scratchStore()));
    const text = stdout.trimEnd().split("\n").at(-1) ?? "";
    expect(text).not.toMatch(/\p{Cc}/u);
    expect(JSON.parse(text)).toBe("\u001b]0;owned\u0007 \u009b31m");
  });

  it("gives the same run for the same id and input, and refuses another input", async () => {
    const store = await scratchStore();
    const args = run("squares", store, "--id", "same", "--input");
    expect((await millrace([...args, '{"n":3}'])).stdout).toContain("completed");
    const again = await millrace([...args, '{"n":3}']);
    expect(again.code).toBe(0);
    expect(again.stdout.trimEnd().split("\n").at(-1)).toBe("5");
    const other = await millrace([...args, '{"n":4}']);
    expect(other.code).toBe(4);
    expect(other.stderr).toMatch(/^E_RUN_CONFLICT: /);
  });

  it("keeps its store where it is told, or in the working directory", async () => {
    const cwd = await scratchFolder();
    const first = ["run", FLOWS, "--workflow", "squares", "--input", '{"n":1}', "--id", "here"];
    expect((await millrace(first, { cwd })).code).toBe(0);
    expect(jsonLines((await millrace(["runs", "--json"], { cwd })).stdout)).toHaveLength(1);
    const env = { MILLRACE_STORE: await scratchStore() };
    expect((await millrace(["runs"], { cwd, env })).code).toBe(3);
    expect((await millrace([...first, "--store", "memory"], { cwd, env })).code).toBe(0);
    expect((await millrace(["runs"], { cwd, env })).code).toBe(3);
  });

  it("finishes what runs when it is stopped, and goes on later without doing it again", async () => {
    const args = run("slow", await scratchStore(), "--id", "halt", "--input", '{"ms":700}');
    const first = start(args);
    await first.says("nap                       running");
    first.child.kill("SIGINT");
    const stopped = await first.done;
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toContain("SIGINT: waiting for running steps");
    expect(stopped.stderr).toContain("run halt has not ended; it goes on when a process hosts it");
    expect(stopped.stdout).toMatch(/^nap +completed +attempt 1/m);
    const { code, stdout } = await millrace([...args, "--json"]);
    expect(code).toBe(0);
    const lines = jsonLines(stdout);
    expect(lines.at(-1)).toMatchObject({ status: "completed", output: "rested" });
    const naps = lines.filter((line) => line["type"] === "step.started" && line["step"] === "nap");
    expect(naps).toHaveLength(1);
  });

  it("exits with 70 when code of the user's throws outside of its step", async () => {
    const { code, stderr } = await millrace(["run", STRAY, "--store", "memory"]);
    expect(code).toBe(70);
    expect(stderr).toMatch(/^internal error: Error: nobody catches this\n +at .*stray\.ts:\d+/);
  });

  it("ends at once at the second signal", async () => {
    const args = run("slow", await scratchStore(), "--input", '{"ms":60000}');
    const running = start(args);
    await running.says("nap                       running");
    running.child.kill("SIGTERM");
    await running.says("SIGTERM: waiting");
    running.child.kill("SIGTERM");
    expect((await running.done).code).toBe(143);
  });
});
