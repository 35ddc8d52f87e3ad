// A graph with two fan-outs under test, real files and real timers included: time stands still for them.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { checkWorkflow, differences } from "../../src/testing.ts";
import { pipeline } from "../demo/pipeline.ts";

let scratch = "";
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "millrace-pipeline-"));
  mkdirSync(join(scratch, "texts"));
  for (const [name, text] of [
    ["one.txt", "every step is an actor"],
    ["two.txt", "every frame is a message, every message is a frame"],
  ] as const) {
    writeFileSync(join(scratch, "texts", name), text);
  }
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

it("makes the same report whatever crashes when", async () => {
  const request = {
    dir: join(scratch, "texts"),
    report: join(scratch, "report.html"),
    executions: join(scratch, "executions"),
  };
  const reports = new Set<string>();
  const report = await checkWorkflow(pipeline, {
    inputs: [{ ...request, paceMs: 1 }],
    runs: 1,
    compare: (undisturbed, disturbed) => {
      reports.add(readFileSync(request.report, "utf8"));
      return differences(undisturbed, disturbed);
    },
  });
  expect(reports.size).toBe(1);
  expect(report.outcomes.completed).toBe(report.lives);
  expect(report.crashes).toBeGreaterThan(20);
});
