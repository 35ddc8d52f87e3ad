/**
 * Retries: the policy decides when and how often, the step may ask for another wait or for none, and
 * every attempt stands in the log before its code runs.
 */
import { expect, it } from "vitest";
import {
  graph,
  MillraceError,
  RetryableError,
  type RetryOptions,
  TerminalError,
  workflow,
} from "../../src/index.ts";
import type { Random } from "../../src/kernel/random.ts";
import { only, onStores, onVirtualTime, refusal, type Scene, world } from "./kit/scene.ts";

/** A step that throws what `attempt` gives, or returns the attempt's number when it gives nothing. */
const failing = (attempt: (nth: number) => unknown, retry?: RetryOptions) =>
  graph("failing")
    .step("only", retry === undefined ? {} : { retry }, (ctx) => {
      const thrown = attempt(ctx.attempt);
      if (thrown !== undefined) throw thrown;
      return ctx.attempt;
    })
    .build();

/** Waits between attempts, as recorded. */
const waits = async (scene: Scene, run: string): Promise<number[]> =>
  only(await scene.log(run), "step.retrying").map((event) => event.retryAt - event.at);

onVirtualTime("the retry policy", (scene, time) => {
  const retry = { initial: "1s", factor: 2, max: "5s", jitter: 0, maxAttempts: 6 } as const;

  it("waits longer each time, up to its maximum, and begins not before", async () => {
    const flow = failing((nth) => (nth < 6 ? new Error("again") : undefined), retry);
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    expect(await time().until(run.result())).toBe(6);
    expect(await waits(scene(), run.id)).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
    const events = await scene().log(run.id);
    const due = only(events, "step.retrying").map((event) => event.retryAt);
    const began = only(events, "step.started").slice(1);
    for (const [index, { at }] of began.entries()) {
      expect(at).toBeGreaterThanOrEqual(due[index] ?? Number.POSITIVE_INFINITY);
    }
  });

  it("gives up after the last attempt, and the run fails with what was thrown", async () => {
    const flow = failing((nth) => Object.assign(new Error(`no ${nth}`), { code: "E_MINE" }), {
      ...retry,
      maxAttempts: 3,
    });
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    const error = (await time().until(refusal(run.result()))) as MillraceError;
    expect(error.code).toBe("E_RUN_FAILED");
    const { cause } = error.cause as Error;
    expect(cause).toMatchObject({ name: "E_MINE", message: "no 3" });
    expect(only(await scene().log(run.id), "step.started")).toHaveLength(3);
  });

  it("keeps jitter within its bounds at both ends of the random numbers", async () => {
    for (const [next, expected] of [
      [0, [1_000, 2_000]],
      [0.5, [750, 1_500]],
      [0.999999, [500, 1_000]],
    ] as const) {
      const random: Random = { next: () => next };
      const flow = failing((nth) => (nth < 3 ? new Error("again") : undefined), {
        initial: "1s",
        jitter: 0.5,
      });
      const clock = time();
      const millrace = await scene().open({
        workflows: [flow],
        world: { ...world, clock, random },
      });
      const run = await millrace.start(flow);
      await time().until(run.result());
      expect(await waits(scene(), run.id)).toEqual(expected);
      await time().until(scene().close(millrace));
    }
  });

  it("waits as long as RetryableError asks for", async () => {
    const flow = failing((nth) =>
      nth < 3 ? new RetryableError("later", { afterMs: nth * 7_000 }) : undefined,
    );
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().until(run.result());
    expect(await waits(scene(), run.id)).toEqual([7_000, 14_000]);
  });

  it("keeps to its own wait when RetryableError asks for nonsense", async () => {
    const nonsense: unknown[] = [Number.NaN, Number.POSITIVE_INFINITY, -5, "5s"];
    const flow = failing(
      (nth) => {
        if (nth > nonsense.length) return undefined;
        return new RetryableError("later", { afterMs: nonsense[nth - 1] as number });
      },
      { ...retry, factor: 1 },
    );
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().until(run.result());
    expect(await waits(scene(), run.id)).toEqual(nonsense.map(() => 1_000));
  });

  it("spends the run's budget over all steps together", async () => {
    const spender = (name: string) => {
      return async (): Promise<never> => Promise.reject(new Error(name));
    };
    const flow = graph("budget", { retryBudget: 3 })
      .step("a", { retry: { ...retry, initial: 10, max: 10 } }, spender("a"))
      .step("b", { retry: { ...retry, initial: 10, max: 10 } }, spender("b"))
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().until(refusal(run.result()));
    expect(only(await scene().log(run.id), "step.retrying")).toHaveLength(3);
  });

  it("lets a code workflow catch what failed for good", async () => {
    const flow = workflow("catching", async (ctx) => {
      try {
        await ctx.run("never", () => Promise.reject(new Error("no")), { retry });
        return "unreachable";
      } catch (error) {
        const { code, cause } = error as MillraceError;
        return ctx.run("instead", () => `${code}: ${(cause as Error).message}`);
      }
    });
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    expect(await time().until(run.result())).toBe("E_STEP_FAILED: no");
    expect(only(await scene().log(run.id), "step.started")).toHaveLength(7);
  });
});

onStores("attempts", (scene) => {
  it("are in the log before their code runs, and share one idempotency key", async () => {
    const seen: { key: string; recorded: number }[] = [];
    const flow = graph("recorded")
      .step("only", { retry: { maxAttempts: 3, initial: 1 } }, async (ctx) => {
        const begun = only(await scene().log(ctx.run.id), "step.started").at(-1);
        seen.push({ key: ctx.idempotencyKey, recorded: begun?.attempt ?? 0 });
        if (ctx.attempt < 3) throw new Error("again");
      })
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await run.result();
    expect(seen.map(({ recorded }) => recorded)).toEqual([1, 2, 3]);
    expect(new Set(seen.map(({ key }) => key)).size).toBe(1);
  });

  const hopeless: readonly (readonly [string, () => unknown, string])[] = [
    ["TerminalError", () => new TerminalError("no use"), "E_TERMINAL"],
    ["a result that is no JSON", () => new MillraceError("E_NOT_JSON", "no"), "E_NOT_JSON"],
    ["a result that is too large", () => new MillraceError("E_TOO_LARGE", "no"), "E_TOO_LARGE"],
    ["a result against its schema", () => new MillraceError("E_SCHEMA", "no"), "E_SCHEMA"],
  ];

  it.each(hopeless)("are not repeated after %s", async (_what, thrown, code) => {
    const flow = failing(thrown);
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await refusal(run.result());
    const events = await scene().log(run.id);
    expect(only(events, "step.started")).toHaveLength(1);
    expect(only(events, "step.failed")).toMatchObject([{ attempt: 1, error: { code } }]);
  });
});
