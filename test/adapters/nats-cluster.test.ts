/**
 * Three nats-servers with three replicas of everything: one is killed while another is cut off from the
 * rest. Longer campaigns, with other seeds: node scripts/cluster-campaign.ts --rounds 20 --seed 1
 */
import { expect, it } from "vitest";
import { campaign } from "../../scripts/cluster-campaign.ts";

it("a cluster of which one member is killed and one cut off loses nothing that it acknowledged, and goes on with two", {
  timeout: 120_000,
}, async () => {
  const { acked, runs, resumedMs, ...wrong } = await campaign(1, 1);
  expect(wrong).toEqual({ lost: [], doubled: [], wrong: [], violations: [], ackedApart: 0 });
  // Commits before, in between and after; runs in all of it.
  expect(resumedMs.length).toBe(1);
  expect(acked).toBeGreaterThan(5 * runs);
  expect(runs).toBeGreaterThan(3);
});
