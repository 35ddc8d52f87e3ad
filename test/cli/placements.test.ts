/** `millrace placements` and `explain`: what was placed where and why, and what is not placed. */
import { expect, it } from "vitest";
import { graph, open } from "../../src/index.ts";
import { until } from "../engine/kit/scene.ts";
import { command, scratchStore } from "./command.ts";

it("lists what was placed where and why, and what another strategy says", async () => {
  const store = await scratchStore();
  const flow = graph("scales")
    .step("plain", () => 1)
    .step("weigh", { needs: ["plain"], resources: { scale: 1 } }, () => 2)
    .build();
  const millraceHere = await open({ store, workflows: [flow], resources: { scale: 1 } });
  await (await millraceHere.start(flow, undefined, { id: "placed" })).result();
  await millraceHere.close();
  const placements = (...more: string[]) =>
    command(["placements", "placed", ...more, "--store", store]);
  const [plain, other, json, unknown] = await Promise.all([
    placements(),
    placements("--strategy", "load-balanced"),
    placements("--strategy", "first-available", "--json"),
    placements("--strategy", "luck"),
  ]);
  expect(plain.stdout).toMatch(/^weigh +1 +\S+ +host-first: room at the run's host$/m);
  expect(plain.stdout).not.toContain("plain");
  expect(other.stdout).toContain("load-balanced would have chosen the same node for 1 of 1\n");
  expect(JSON.parse(json.stdout)).toMatchObject([
    { run: "placed", step: "weigh", same: true, other: { strategy: "first-available" } },
  ]);
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining("host-first")]);
});

it("explain tells of a step without a place why no node takes it", async () => {
  const store = await scratchStore();
  const flow = graph("elsewhere")
    .step("draw", { labels: { zone: "a" } }, () => 1)
    .build();
  await using millraceHere = await open({ store, workflows: [flow], node: "here" });
  const run = await millraceHere.start(flow);
  await until("it could run", async () => (await run.get()).steps[0]?.status === "pending");
  const { stdout } = await command(["explain", run.id, "--store", store]);
  expect(stdout).toMatch(/^step draw waits for a place: there is no node .*with zone=a/m);
  expect(stdout).toContain("step draw is not on node here: it is not one with zone=a\n");
});
