/**
 * Races that must have exactly one winner, and a log that says which: in simulated time, at the very moment and
 * right beside it, in many orders of what could go first; and once on every store by the machine's own clock.
 */
import { describe, expect, it } from "vitest";
import { isMillraceError, type RecordedEvent, workflow } from "../../src/index.ts";
import { type TestRuntime, testRuntime } from "../../src/testing.ts";
import { ALL_STORES, onStores, refusal, sleep } from "./kit/scene.ts";

const DUE_MS = 1_000;
/** What comes from outside comes so long before or after the moment itself (ms). */
const BESIDE = [-1, 0, 1] as const;
const SEEDS = Array.from({ length: 12 }, (_, nth) => nth);

const ENDS: ReadonlySet<string> = new Set(["run.completed", "run.cancelled", "run.failed"]);

const ofTypes = (events: readonly RecordedEvent[], types: ReadonlySet<string>): string[] =>
  events.map(({ type }) => type).filter((type) => types.has(type));

/** Gives what each seed and moment led to. */
async function everyOrder(
  race: (sim: TestRuntime, beside: number) => Promise<string>,
  make: () => Parameters<typeof testRuntime>[0]["workflows"],
): Promise<Map<number, Set<string>>> {
  const outcomes = new Map<number, Set<string>>();
  for (const seed of SEEDS) {
    for (const beside of BESIDE) {
      await using sim = await testRuntime({ workflows: make(), seed });
      const outcome = await race(sim, beside);
      expect(await sim.violations()).toEqual([]);
      outcomes.set(beside, (outcomes.get(beside) ?? new Set()).add(outcome));
    }
  }
  return outcomes;
}

describe("a signal racing a timeout", () => {
  it("exactly one wins, and the log says which", async () => {
    const flow = workflow("race", async (ctx) => {
      const word = await ctx.waitFor<string>("word", { timeout: DUE_MS });
      return word ?? "nobody came";
    });
    const waited = new Set(["wait.matched", "wait.expired"]);
    const outcomes = await everyOrder(
      async (sim, beside) => {
        const run = await sim.start(flow, undefined, { id: "run" });
        const due = sim.now() + DUE_MS;
        await sim.advanceTo(due + beside - 1);
        // The last millisecond goes by while the signal is on its way.
        const [sent] = await Promise.all([
          refusal(run.signal("word", "here").then(() => "sent")).catch(() => "sent"),
          sim.advanceTo(due + beside),
        ]);
        const result = String(await run.result());
        const ends = ofTypes(await sim.events(), waited);
        expect(ends).toEqual([result === "here" ? "wait.matched" : "wait.expired"]);
        if (sent !== "sent") expect(isMillraceError(sent, "E_COMMAND_REFUSED")).toBe(true);
        return result;
      },
      () => [flow],
    );
    expect(outcomes.get(-1)).toEqual(new Set(["here"]));
    expect([...(outcomes.get(1) ?? [])]).toContain("nobody came");
  });
});

describe("a cancellation racing completion", () => {
  it("exactly one wins, the run ends once, and the log says how", async () => {
    const outcomes = await everyOrder(
      async (sim, beside) => {
        const run = await sim.start("work", undefined, { id: "run" });
        const end = sim.now() + DUE_MS;
        await sim.advanceTo(end + beside - 1);
        const asked = run.cancel({ reason: "enough" }).then(
          () => "asked",
          (error: unknown) => error,
        );
        await sim.advanceTo(end + beside);
        await sim.advance("1m");
        const outcome = await run.result().catch((error: unknown) => error);
        const answer = await asked;
        const ends = ofTypes(await sim.events(), ENDS);
        const won = isMillraceError(outcome, "E_RUN_CANCELLED");
        expect(ends).toEqual([won ? "run.cancelled" : "run.completed"]);
        if (!won) expect(outcome).toBe("done");
        if (answer !== "asked") expect(isMillraceError(answer, "E_COMMAND_REFUSED")).toBe(true);
        if (answer !== "asked") expect(won).toBe(false);
        return won ? "cancelled" : "completed";
      },
      () => [
        workflow("work", async (ctx) => {
          await ctx.sleep("almost", DUE_MS);
          return ctx.run("end", () => "done");
        }),
      ],
    );
    expect(outcomes.get(-1)).toEqual(new Set(["cancelled"]));
    expect([...(outcomes.get(1) ?? [])]).toContain("completed");
  });
});

onStores(
  "a cancellation racing completion",
  (scene) => {
    it("ends each of many runs once", async () => {
      const flow = workflow("brief", async (ctx) => {
        await ctx.run("one", () => sleep(1));
        return ctx.run("two", () => "done");
      });
      const millrace = await scene().open({ workflows: [flow] });
      const outcomes = Array.from({ length: 24 }, async (_, nth) => {
        const run = await millrace.start(flow);
        await sleep(nth % 8);
        await run.cancel().catch((error: unknown) => {
          if (!isMillraceError(error, "E_COMMAND_REFUSED")) throw error;
        });
        const outcome = await run.result({ timeoutMs: 25_000 }).catch((error: unknown) => error);
        const won = isMillraceError(outcome, "E_RUN_CANCELLED");
        expect(ofTypes(await scene().log(run.id), ENDS)).toEqual([
          won ? "run.cancelled" : "run.completed",
        ]);
      });
      await Promise.all(outcomes);
    });
  },
  ALL_STORES,
);
