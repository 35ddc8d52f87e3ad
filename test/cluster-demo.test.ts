/**
 * `npm run demo -- --cluster`, quick: real workers over a real nats-server, one of them killed. Its chart is
 * read back and held against what the workers had.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tasks } from "../examples/demo/survey.ts";
import { type Bar, type Chart, readChart } from "./support/chart.ts";

const DEMO = new URL("../examples/demo/main.ts", import.meta.url).pathname;
/** Places are rounded, to a hundredth of a pixel. */
const NARROW = 0.02;

interface Facts {
  readonly status: string;
  readonly completed: number;
  readonly killed: string;
  readonly lost: readonly { readonly step: string; readonly attempt: number }[];
  readonly nodes: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly tasksBy: Readonly<Record<string, number>>;
  readonly drained: number;
  readonly chart: string;
}

describe("the demo of a cluster", () => {
  let folder = "";
  let facts: Facts;
  let chart: Chart;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "millrace-demo-"));
    const flags = ["--cluster", "--json", "--scale", "0.015", "--out", join(folder, "chart.svg")];
    const { stdout } = await promisify(execFile)(process.execPath, [DEMO, ...flags]);
    facts = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Facts;
    chart = readChart(await readFile(facts.chart, "utf8"));
  }, 180_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("ends right although a worker was killed; the others drain when they are told to", () => {
    expect(facts.status).toBe("run.completed");
    expect(facts.completed).toBe(tasks.size);
    expect(facts.drained).toBe(Object.keys(facts.nodes).length - 1);
    const did = Object.values(facts.tasksBy).reduce((sum, count) => sum + count, 0);
    expect(did).toBe(tasks.size);
  });

  it("draws each task's one completed attempt, and marks what was lost with the killed worker", () => {
    const completed = chart.bars.filter(({ end }) => end === "completed");
    expect(completed.map(({ step }) => step).sort()).toEqual([...tasks.keys()].sort());
    const crossed = chart.bars.filter(({ crossed }) => crossed);
    const told = ({ step, attempt }: { step: string; attempt: number }) => `${step} ${attempt}`;
    expect(crossed.map(told).sort()).toEqual(facts.lost.map(told).sort());
    expect(crossed.map(({ node }) => node)).toContain(facts.killed);
    for (const { step, end, attempt } of crossed) {
      expect(end).toBe("lost");
      const again = completed.find((bar) => bar.step === step);
      expect(again?.attempt).toBeGreaterThan(attempt);
      expect(again?.node).not.toBe(facts.killed);
    }
    expect(chart.nodes).toEqual(Object.keys(facts.nodes).sort());
    expect(chart.legend).toContain("lost with its node");
    expect(chart.axis.length).toBeGreaterThan(2);
  });

  it("draws no more at once on a node than that has", () => {
    const needs = (step: string): Readonly<Record<string, number>> => {
      const { cores, memoryBytes } = tasks.get(step) ?? { cores: 0, memoryBytes: 0 };
      return { cpu: cores, memory: memoryBytes / 1e9, gpu: step.startsWith("detect") ? 1 : 0 };
    };
    for (const [node, has] of Object.entries(facts.nodes)) {
      const bars = chart.bars.filter((bar) => bar.node === node);
      for (const { left } of bars) {
        const together = bars.filter((bar) => bar.left <= left && left < bar.right - NARROW);
        for (const name of ["cpu", "memory", "gpu"]) {
          const taken = together.reduce((sum, { step }) => sum + (needs(step)[name] ?? 0), 0);
          expect(taken, `${name} on ${node} at ${left}`).toBeLessThanOrEqual(has[name] ?? 0);
        }
      }
    }
  });

  it("has every bar end before what comes after it in the graph begins", () => {
    const ended = new Map(
      chart.bars.filter(({ end }) => end === "completed").map((bar) => [bar.step, bar]),
    );
    const late = chart.bars.flatMap((bar: Bar) =>
      (tasks.get(bar.step)?.needs ?? [])
        .filter((need) => (ended.get(need)?.right ?? 0) > bar.left + NARROW)
        .map((need) => `${bar.step} begins before ${need} has ended`),
    );
    expect(late).toEqual([]);
  });
});
