// Retry arithmetic: waits grow, are capped, jittered, never negative, never NaN; budgets are kept.
import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { setbackCommand, startCommand } from "../../src/domain/decide.ts";
import { backoffMs } from "../../src/domain/retry.ts";
import { retryPolicies } from "../../src/testing/arbitraries/value-arbitraries.ts";
import { codePlan, noRetry } from "./plans.ts";
import { RecordedRun } from "./recorded-run.ts";

const attempts = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 1_000 }));
const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("backoffMs", () => {
  it("is a whole number from 0 to the policy's maximum, whatever the policy", () => {
    const property = fc.property(retryPolicies, attempts, randoms, (policy, attempt, random) => {
      const wait = backoffMs(policy, attempt, random);
      assert.ok(Number.isSafeInteger(wait), String(wait));
      assert.ok(wait >= 0 && wait <= policy.maxMs);
    });
    fc.assert(property, { numRuns: 1_000 });
  });

  it("grows with the attempt as long as nothing is random", () => {
    const property = fc.property(retryPolicies, attempts, (policy, attempt) => {
      const steady = { ...policy, jitter: 0 };
      assert.ok(backoffMs(steady, attempt, 0.9) <= backoffMs(steady, attempt + 1, 0.1));
    });
    fc.assert(property, { numRuns: 500 });
  });

  it("takes off no more than the jittered share", () => {
    const property = fc.property(retryPolicies, attempts, randoms, (policy, attempt, random) => {
      const full = backoffMs({ ...policy, jitter: 0 }, attempt, 0);
      const wait = backoffMs(policy, attempt, random);
      assert.ok(wait >= Math.floor(full * (1 - policy.jitter)) && wait <= full);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it.each([
    [1, 100],
    [2, 200],
    [3, 400],
    [4, 500],
    [1_000, 500],
  ])("after attempt %d is %d ms for 100 ms doubled up to 500", (attempt, ms) => {
    const policy = { maxAttempts: 9, initialMs: 100, factor: 2, maxMs: 500, jitter: 0 };
    expect(backoffMs(policy, attempt, 0.7)).toBe(ms);
    expect(backoffMs({ ...policy, jitter: 0.5 }, attempt, 0.5)).toBe(ms * 0.75);
    expect(backoffMs({ ...policy, jitter: 1 }, attempt, 0.5)).toBe(ms * 0.5);
  });

  it("of no first wait stays none where the factor overflows", () => {
    expect(backoffMs({ ...noRetry, factor: 100, maxMs: 1_000 }, 1_000, 0)).toBe(0);
  });
});

const error = { code: "Error", message: "m" };
const policy = { maxAttempts: 100, initialMs: 100, factor: 2, maxMs: 500, jitter: 0 };

/** A running run of code whose step `a` may try a hundred times. */
function runningStep(retryBudget: number): RecordedRun {
  const run = new RecordedRun(codePlan(retryBudget));
  run.run({ type: "cmd.claim", now: run.now, node: "n", lease: "l" });
  run.step("a", { type: "cmd.schedule", now: run.now, maxAttempts: 100 });
  run.step("a", startCommand("n", { retry: policy }, run.now));
  return run;
}

describe("setbackCommand", () => {
  const setback = { attempt: 1, error, retry: "policy", random: 0 } as const;
  const { state } = runningStep(10);
  const retryAt = (more: object): number => {
    const command = setbackCommand(state, policy, { ...setback, ...more }, 1_000);
    assert.equal(command.type, "cmd.fail");
    return (command as { retryAt: number }).retryAt;
  };

  it("waits as the policy says, or as the step asked", () => {
    expect(retryAt({})).toBe(1_100);
    expect(retryAt({ attempt: 2 })).toBe(1_200);
    expect(retryAt({ afterMs: 0 })).toBe(1_000);
    expect(retryAt({ afterMs: 7_000 })).toBe(8_000);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, undefined])(
    "waits as the policy says when the step asked for %d ms",
    (afterMs) => {
      expect(retryAt({ afterMs })).toBe(1_100);
    },
  );

  it("keeps a wait that JSON can keep, however long", () => {
    const at = retryAt({ afterMs: Number.MAX_VALUE });
    expect(JSON.parse(JSON.stringify(at))).toBe(at);
  });

  it("does not wait when the process was lost once, but when it is lost again", () => {
    expect(retryAt({ retry: "lost" })).toBe(1_000);
    expect(retryAt({ retry: "lost", attempt: 2 })).toBe(1_200);
  });

  it("never retries what cannot be mended", () => {
    expect(setbackCommand(state, policy, { ...setback, retry: "never" }, 1)).toMatchObject({
      retry: false,
    });
  });
});

describe("the run's budget of retries", () => {
  it.each([0, 1, 3])("of %d is used up by all steps together, losses included", (budget) => {
    const run = runningStep(budget);
    for (let attempt = 1; run.state.steps.get("a")?.state === "running"; attempt++) {
      const retry = attempt % 2 === 0 ? "lost" : "policy";
      const setback = { attempt, error, retry, random: 0 } as const;
      run.step("a", setbackCommand(run.state, policy, setback, run.now));
      run.now += 1_000;
      run.step("a", startCommand("n", { retry: policy }, run.now));
    }
    expect(run.state.steps.get("a")).toMatchObject({
      state: "failed",
      context: { attempt: budget + 1 },
    });
    expect(run.state.retries).toBe(budget);
  });
});

describe("startCommand", () => {
  it("carries the end of the attempt where the policy limits it", () => {
    expect(startCommand("n", { retry: policy }, 5)).toEqual({
      type: "cmd.start",
      now: 5,
      node: "n",
    });
    expect(startCommand("n", { retry: policy, startToCloseMs: 7 }, 5)).toMatchObject({ endBy: 12 });
  });
});
