// Given, when, then: what holds passes, and what does not says how it differs.
import { AssertionError } from "node:assert";
import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../machines/run-data.ts";
import type { StepEvent } from "../../machines/step-data.ts";
import { given } from "../../src/testing.ts";

const created: RunEvent = {
  type: "run.created",
  at: 1,
  workflow: "w",
  content: "c",
  input: { json: null },
  plan: {},
};
const claimed: RunEvent = { type: "run.claimed", at: 2, epoch: 1, node: "n", lease: "l" };
const scheduled: StepEvent = { type: "step.scheduled", at: 1, step: "s" };
const output = { json: 7 };
const complete = { type: "cmd.complete", now: 3, output } as const;

/** What the story fails with. */
function failing(story: () => unknown): AssertionError {
  try {
    story();
  } catch (error) {
    if (error instanceof AssertionError) return error;
    throw error;
  }
  throw new Error("the story holds");
}

describe("given, when, then", () => {
  it("tells what a run decides, and goes on behind it", () => {
    const ended = given([created, claimed])
      .when(complete)
      .then([{ type: "run.completed", at: 3, output }]);
    expect(ended.state).toBe("completed");
    expect(ended.context.output).toEqual(output);
    ended.when(complete).thenRefused();
  });

  it("tells what a step decides, also one that nothing has happened to", () => {
    given([scheduled])
      .when({ type: "cmd.start", now: 2, node: "n" })
      .then([{ type: "step.started", at: 2, step: "s", attempt: 1, node: "n" }]);
    given([], { machine: "step", maxAttempts: 1 })
      .when({ type: "cmd.schedule", now: 1 })
      .then([scheduled])
      .when({ type: "cmd.start", now: 2, node: "n" })
      .then([{ type: "step.started", at: 2, step: "s", attempt: 1, node: "n" }])
      .when({
        type: "cmd.fail",
        now: 3,
        attempt: 1,
        error: { code: "E", message: "m" },
        retry: true,
        retryAt: 9,
      })
      .then([
        { type: "step.failed", at: 3, step: "s", attempt: 1, error: { code: "E", message: "m" } },
      ]);
  });

  it("is about the step that its events name, or the one that is asked for", () => {
    const reason = "r";
    const cancelled = (step: string) => [{ type: "step.cancelled", at: 9, step, reason }] as const;
    const cancel = { type: "cmd.cancel", now: 9, reason } as const;
    given([{ ...scheduled, step: "pay" }])
      .when(cancel)
      .then(cancelled("pay"));
    given([], { machine: "step", id: "ship" }).when(cancel).then(cancelled("ship"));
  });

  it("tells what is thought of a node", () => {
    given([{ type: "node.suspected", at: 5 }])
      .when({ type: "cmd.gone", now: 9, reason: "killed" })
      .then([{ type: "node.gone", at: 9, reason: "killed" }]);
  });

  it("shows the difference", () => {
    const error = failing(() =>
      given([created, claimed])
        .when(complete)
        .then([{ type: "run.completed", at: 4, output }]),
    );
    expect(error.message).toMatch(/^cmd.complete in state running led to something else/);
    expect(error.message).toMatch(/\+ +at: 3[\s\S]*- +at: 4/);
    expect(error.actual).toEqual([{ type: "run.completed", at: 3, output }]);
  });

  it("says when something was refused, or was not", () => {
    const story = given([created]).when(complete);
    expect(failing(() => story.then([claimed])).message).toBe(
      "cmd.complete in state pending was refused; it was to lead to run.claimed",
    );
    const taken = given([created, claimed]).when(complete);
    expect(failing(() => taken.thenRefused()).message).toBe(
      "cmd.complete in state running was to be refused; it led to run.completed",
    );
  });

  it("is not taken in by a history that cannot be, or by an await", async () => {
    expect(() => given([claimed])).toThrow("event 1, run.claimed, in state unborn");
    const awaited = async (): Promise<unknown> => given([created]).when(complete) as unknown;
    await expect(awaited()).rejects.toThrow("nothing is to be awaited here");
  });
});
