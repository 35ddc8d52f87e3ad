/**
 * Random workflows, crashed at every commit: the engine keeps its word, and the kit does not cry wolf. What
 * fails here shrinks to a small workflow and one crash.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Workflow } from "../../src/index.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { checkWorkflow, differences, type Life, type Outside } from "../../src/testing.ts";
import { build, codeSpecs, graphSpecs, type Spec } from "../engine/kit/random-workflow.ts";

const RUNS = Number(process.env["MILLRACE_PROPERTY_RUNS"] ?? 8);

/** Simulated time for steps that ask for a clock. */
const clockOf = ({ sleep, now }: Outside): Clock => ({
  ...systemClock(),
  now,
  after(ms, fire) {
    const cancelled = new AbortController();
    void sleep(ms, cancelled.signal).then(() => cancelled.signal.aborted || fire());
    return () => cancelled.abort("not needed");
  },
});

/** Which item of a broken map fails first is a matter of time. */
function anyItem(life: Life): Life {
  const { outcome } = life;
  if (outcome.status !== "failed") return life;
  return { ...life, outcome: { ...outcome, message: outcome.message.replaceAll(/\[\d+\]/g, "") } };
}

const compare = (undisturbed: Life, disturbed: Life): readonly string[] =>
  differences(anyItem(undisturbed), anyItem(disturbed));

/** Some wait for an approval that nobody gives: that is an end like another. */
async function keepsItsWord(spec: Spec): Promise<void> {
  const tested = (outside: Outside) =>
    build(spec, { clock: clockOf(outside), executed: () => undefined }) as Workflow<
      string,
      unknown
    >;
  const words = spec.kind === "code" ? spec.parts.length : 0;
  const signals = Array.from({ length: words }, (_, nth) => ({ name: "word", payload: nth }));
  const report = await checkWorkflow(tested, { inputs: ["input"], runs: 1, signals, compare });
  expect(report.crashes).toBeGreaterThan(0);
}

it("graphs", { timeout: 60_000 + RUNS * 5_000 }, async () => {
  await fc.assert(fc.asyncProperty(graphSpecs, keepsItsWord), { numRuns: RUNS });
});

it("functions", { timeout: 60_000 + RUNS * 5_000 }, async () => {
  await fc.assert(fc.asyncProperty(codeSpecs, keepsItsWord), { numRuns: RUNS });
});
