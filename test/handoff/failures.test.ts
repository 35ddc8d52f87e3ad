// Handoff's acceptance tests about failures, by number: how often a function is tried, and what becomes of the rest.
import { expect, it } from "vitest";
import { dag, isMillraceError, type MillraceError } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import type { StepContext } from "../../src/workflow/step-context.ts";
import { ALL_STORES, only, onStores, outline, refusal, sleep, until } from "../engine/kit/scene.ts";

const sum = (...numbers: number[]): number => numbers.reduce((left, right) => left + right, 0);

/** Fails so many times, then returns 20. */
function flaky(failures: number): { calls: number; code: () => number } {
  const self = {
    calls: 0,
    code: () => {
      if (++self.calls <= failures) throw new RangeError(`failure ${self.calls}`);
      return 20;
    },
  };
  return self;
}

onStores(
  "Handoff's retries",
  (scene) => {
    it("Handoff 7: fails once, then returns: two calls, two attempts in the log", async () => {
      const millrace = await scene().open();
      const once = flaky(1);
      const { results, dagId } = await millrace.execute(dag().add({ id: "a", code: once.code }));
      expect(results).toEqual({ a: 20 });
      expect(once.calls).toBe(2);
      const events = await scene().log(dagId);
      expect(only(events, "step.started").map(({ attempt }) => attempt)).toEqual([1, 2]);
    });

    it("Handoff 8: fails for good after as many calls as were asked for, and says so", async () => {
      const millrace = await scene().open();
      const broken = flaky(99);
      const failing = dag().add(
        { id: "a", code: broken.code },
        { id: "b", args: ["a"], code: sum },
      );
      const error = (await refusal(millrace.execute(failing, { maxRetries: 2 }))) as MillraceError;
      expect(broken.calls).toBe(3);
      expect(isMillraceError(error, "E_STEP_FAILED")).toBe(true);
      expect(error.message).toBe("function a failed after 3 attempts: failure 3");
      expect(error.details).toMatchObject({ function: "a", attempts: 3, code: "RangeError" });
      expect(error.cause).toMatchObject({ message: "failure 3", code: "RangeError" });
    });

    it("Handoff 9: what the function says counts more than the call", async () => {
      const millrace = await scene().open();
      const broken = flaky(99);
      const once = dag().add({ id: "a", code: broken.code, maxRetries: 0 });
      expect(await refusal(millrace.execute(once, { maxRetries: 5 }))).toMatchObject({
        message: "function a failed after 1 attempt: failure 1",
      });
      expect(broken.calls).toBe(1);
    });

    it("three retries are made when nobody says anything", async () => {
      const millrace = await scene().open();
      const broken = flaky(3);
      expect((await millrace.execute(dag().add({ id: "a", code: broken.code }))).results["a"]).toBe(
        20,
      );
      expect(broken.calls).toBe(4);
    });
  },
  ALL_STORES,
);

onStores(
  "Handoff's failures",
  (scene) => {
    it("Handoff 12: one branch fails: the other is cancelled, the end never starts", async () => {
      const millrace = await scene().open();
      const begun = deferred<void>();
      const aborted = deferred<string>();
      let ends = 0;
      const failing = dag().add(
        {
          id: "slow",
          async code(this: StepContext) {
            begun.resolve();
            await new Promise<void>((resolve) =>
              this.signal.addEventListener("abort", () => resolve()),
            );
            aborted.resolve(this.signal.reason.code);
          },
        },
        {
          id: "bad",
          code: () => begun.promise.then(() => Promise.reject(new Error("no"))),
          maxRetries: 0,
        },
        { id: "end", args: ["slow", "bad"], code: () => ++ends },
      );
      const error = (await refusal(millrace.execute(failing))) as MillraceError;
      expect(error).toMatchObject({
        code: "E_STEP_FAILED",
        details: { function: "bad", attempts: 1 },
      });
      expect(await aborted.promise).toBe("E_RUN_CANCELLED");
      expect(ends).toBe(0);
      const events = outline(await scene().log(String(error.details["run"])));
      expect(events).toContain("step.cancelled slow");
      expect(events).not.toContain("step.scheduled end");
    });

    it("lets everything else run when it is told to", async () => {
      const millrace = await scene().open();
      const broken = flaky(99);
      const half = dag("half").add(
        { id: "bad", code: broken.code, maxRetries: 1 },
        { id: "good", code: () => sleep(20).then(() => "done") },
        { id: "after-good", args: ["good"], code: (good: string) => `${good} too` },
        { id: "after-bad", args: ["bad", "good"], code: () => "never" },
      );
      const answer = await millrace.execute(half, { onFailure: "continue" });
      expect(answer.results).toEqual({ good: "done", "after-good": "done too" });
      expect(answer.failures).toMatchObject({
        bad: { attempts: 2, error: { message: "failure 2" } },
      });
      expect((await millrace.get(answer.dagId)).status).toBe("failed");
    });

    it("gives up after its timeout, and everything stops", async () => {
      const millrace = await scene().open();
      const stuck = dag().add({
        id: "stuck",
        code(this: StepContext) {
          return new Promise<void>((resolve) =>
            this.signal.addEventListener("abort", () => resolve()),
          );
        },
      });
      const error = (await refusal(millrace.execute(stuck, { timeout: 30 }))) as MillraceError;
      expect(error).toMatchObject({ code: "E_TIMEOUT" });
      await until("it is failed", async () => (await millrace.list())[0]?.status === "failed");
    });
  },
  ALL_STORES,
);
