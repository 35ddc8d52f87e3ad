/** `millrace run --wfformat`, as a process. */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { command, jsonLines, millrace } from "./command.ts";

const CIDER = fileURLToPath(new URL("../wfformat/fixtures/cider.json", import.meta.url));
const run = (...more: string[]): string[] => [
  "run",
  "--wfformat",
  CIDER,
  "--store",
  "memory",
  ...more,
];

describe.concurrent("millrace run --wfformat", () => {
  it("replays the instance and says how good the schedule was", async () => {
    const { code, stdout, stderr } = await millrace(run("--scale", "0.001", "--id", "r1"));
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^run r1 {2}cider {2}completed/m);
    expect(stdout).toMatch(/^critical path +75ms$/m);
    expect(stdout).toMatch(/^work +234ms, 58ms on 4 slots$/m);
    expect(stdout).toMatch(/^Graham's bound +114ms; this one took \d+ %$/m);
    expect(stdout).toMatch(/^most slots at once +\d of 4$/m);
  });

  it("with --json ends with the measures", async () => {
    const { code, stdout } = await millrace(run("--scale", "0.001", "--slots", "2", "--json"));
    expect(code).toBe(0);
    const { output, status } = jsonLines(stdout).at(-1) ?? {};
    expect(status).toBe("completed");
    expect(output).toMatchObject({ tasks: 12, slots: 2, criticalPathMs: 75, lowerBoundMs: 117 });
  });

  it.each<[string, readonly string[], string]>([
    ["no file at all", ["run"], "file is missing"],
    ["two", [...run(), "flows.ts"], "file does not go with --wfformat"],
    ["slots without it", ["run", "flows.ts", "--slots", "2"], "slots needs --wfformat"],
    ["no such file", ["run", "--wfformat", "nowhere.json"], "nowhere.json cannot be read"],
    ["a scale below nothing", run("--scale", "-1"), "It must be a number from 0"],
  ])("refuses %s", async (_what, args, message) => {
    const { code, stderr } = await command(args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
