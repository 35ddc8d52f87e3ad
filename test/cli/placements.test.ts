/** `millrace placements`: what was placed where and why, and what another strategy says. */
import { expect, it } from "vitest";
import { graph, open } from "../../src/index.ts";
import { millrace, scratchStore } from "./command.ts";

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
    millrace(["placements", "placed", ...more, "--store", store]);
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
