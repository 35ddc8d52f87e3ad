/**
 * Poison: whatever a step throws, returns or does to its process, its run comes to an end, what is
 * recorded of it is bounded, and other runs go on.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { graph, type MillraceError, open } from "../../src/index.ts";
import { limits } from "../../src/kernel/limits.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import type { StepContext } from "../../src/workflow/step-context.ts";
import { exitingFlow, harmlessFlow } from "./fixtures/poison-flows.ts";
import { only, onStores, refusal } from "./kit/scene.ts";

const throwing = (thrown: () => unknown) =>
  graph("throwing")
    .step("only", { retry: { maxAttempts: 2, initial: 1 } }, () => {
      throw thrown();
    })
    .build();

const harmless = graph("harmless")
  .step("only", () => "fine")
  .build();

function cyclic(): Error {
  const error = new Error("round");
  error.cause = new Error("and", { cause: error });
  return error;
}

const trap = (): never => {
  throw new Error("a trap");
};

const hostile = (): object =>
  new Proxy({}, { getPrototypeOf: trap, has: trap, get: trap, ownKeys: trap });

const liar = (): Error => {
  const error = new Error("x");
  for (const key of ["message", "stack", "code", "name", "cause"]) {
    Object.defineProperty(error, key, { get: trap });
  }
  return error;
};

const thrown: readonly (readonly [string, () => unknown])[] = [
  ["null", () => null],
  ["undefined", () => undefined],
  ["a string", () => "just text"],
  ["a symbol", () => Symbol("s")],
  ["a bigint", () => 10n],
  ["a function", () => trap],
  ["1 MB of text", () => "x".repeat(1_000_000)],
  ["an error of 1 MB", () => new Error("x".repeat(1_000_000))],
  ["an error whose cause is itself", cyclic],
  ["a cyclic object", () => Object.assign([], { 0: hostile() })],
  ["a proxy whose traps throw", hostile],
  ["an error whose getters throw", liar],
  ["an object with a throwing toJSON", () => ({ toJSON: trap })],
];

onStores("a step that throws", (scene) => {
  it.each(thrown)("%s fails its run, bounded, and no other", async (_what, make) => {
    const flow = throwing(make);
    const millrace = await scene().open({ workflows: [flow, harmless] });
    const run = await millrace.start(flow);
    const error = (await refusal(run.result())) as MillraceError;
    expect(error.code).toBe("E_RUN_FAILED");
    const events = await scene().log(run.id);
    expect(only(events, "step.started")).toHaveLength(2);
    const [failed] = only(events, "step.failed");
    const bound = (limits.errorMessageCharsMax + limits.errorStackCharsMax + 256) * 6;
    expect(JSON.stringify(failed).length).toBeLessThan(bound);
    expect(await (await millrace.start(harmless)).result()).toBe("fine");
  });
});

const unkeepable: readonly (readonly [string, (ctx: StepContext) => unknown])[] = [
  ["a function", () => trap],
  ["a Map", () => new Map()],
  ["a getter that throws", () => Object.defineProperty({}, "x", { enumerable: true, get: trap })],
  ["a proxy whose traps throw", hostile],
  ["a thenable that throws", () => new Proxy({}, { get: (_, key) => key === "then" && trap() })],
  ["an output with such a value", (ctx) => ctx.emit("o", { deep: [1n] })],
  [
    "an output with parents that are no refs",
    (ctx) => ctx.emit("o", 1, { parents: [1n] as never }),
  ],
  ["a checkpoint with such a value", (ctx) => ctx.checkpoint(trap)],
  ["a checkpoint with such metadata", (ctx) => ctx.checkpoint(1, { a: 1n } as never)],
  ["a checkpoint with metadata of 128 KiB", (ctx) => ctx.checkpoint(1, { a: "x".repeat(2 ** 17) })],
  ["a note with such a value", (ctx) => ctx.note("n", Number.NaN)],
  ["a note with a name that is none", (ctx) => ctx.note("*", 1)],
];

onStores("a step that hands out", (scene) => {
  it.each(unkeepable)("%s fails its run, and no other", async (_what, run) => {
    const flow = graph("returning")
      .step("only", { retry: { maxAttempts: 2, initial: 1 } }, run)
      .build();
    const millrace = await scene().open({ workflows: [flow, harmless] });
    const started = await millrace.start(flow);
    const error = (await refusal(started.result({ timeoutMs: 25_000 }))) as MillraceError;
    expect(error.code).toBe("E_RUN_FAILED");
    expect(only(await scene().log(started.id), "run.claimed")).toHaveLength(1);
    expect(await (await millrace.start(harmless)).result()).toBe("fine");
  });
});

const WORKER = new URL("fixtures/poison-worker.ts", import.meta.url).pathname;

onStores(
  "a step that ends its process",
  (scene) => {
    it.each(["exit", "kill"])("by %s is counted, and fails in the end", async (how) => {
      const client = await scene().open({ workflows: [exitingFlow, harmlessFlow], worker: false });
      const poison = await client.start(exitingFlow, how, { id: "poison" });
      const other = await client.start(harmlessFlow, undefined, { id: "other" });
      let workers = 0;
      for (; (await client.get("poison")).status !== "failed"; workers++) {
        if (workers > 6) throw new Error("the step is tried for ever");
        const worker = spawn(process.execPath, [WORKER, scene().file], { stdio: "ignore" });
        await once(worker, "exit");
      }
      const error = (await refusal(poison.result())) as MillraceError;
      expect(error.message).toContain("went away during attempt 3");
      expect(only(await scene().log("poison"), "step.started")).toHaveLength(3);
      const store = `sqlite:${scene().file}`;
      const healthy = await open({ store, workflows: [harmlessFlow], logger: silentLogger });
      expect(await other.result({ timeoutMs: 25_000 })).toBe("fine");
      await healthy.close();
    });
  },
  ["sqlite"],
);
