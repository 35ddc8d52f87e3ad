/** Writers of two processes over one log, in every order that a scheduler can find. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryBackend, memoryStore } from "../../src/adapters/memory/store.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { Journal } from "../../src/engine/reading/journal.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { World } from "../../src/ports/store.ts";
import { CheckpointStore } from "../../src/stores/checkpoint-store.ts";
import { StepRunStore } from "../../src/stores/step-run-store.ts";
import { over } from "../../src/testing/simulation/over.ts";
import { engineOf, systemWorld } from "./places.ts";

/** The scheduler decides when each request reaches the log, and when each answer comes back. */
const scheduledLog = (log: EventLog, scheduler: fc.Scheduler): EventLog => {
  const late = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
    await scheduler.schedule(Promise.resolve(), `${what} goes out`);
    const answer = await call();
    await scheduler.schedule(Promise.resolve(), `${what} is answered`);
    return answer;
  };
  return over(log, {
    append: (frame) => late("append", () => log.append(frame)),
    async *read(range) {
      await scheduler.schedule(Promise.resolve(), "read goes out");
      yield* log.read(range);
    },
    head: ((run: string) => late("head", () => log.head(run))) as EventLog["head"],
    erase: (run) => late("erase", () => log.erase(run)),
  });
};

/** Pauses, too, end when the scheduler says so. */
const scheduledClock = (scheduler: fc.Scheduler): Clock => ({
  ...systemWorld.clock,
  after(_ms, fire) {
    let cancelled = false;
    scheduler
      .schedule(Promise.resolve(), "pause ends")
      .then(() => (cancelled ? undefined : fire()))
      .catch(() => undefined);
    return () => {
      cancelled = true;
    };
  },
});

/** Two processes whose every request is at the scheduler's mercy, and one that looks on. */
function scene(scheduler: fc.Scheduler): {
  readonly engines: readonly [Engine, Engine];
  readonly observer: Engine;
} {
  const share = new MemoryBackend(systemWorld.clock);
  const world: World = { ...systemWorld, clock: scheduledClock(scheduler) };
  const open = (node: string) => memoryStore({ namespace: "n", node, world: systemWorld, share });
  const engine = (node: string): Engine => {
    const store = open(node);
    return engineOf({ ...store, log: scheduledLog(store.log, scheduler) }, node, world);
  };
  return { engines: [engine("a"), engine("b")], observer: engineOf(open("o"), "o") };
}

const writers = fc.array(fc.nat(1), { minLength: 2, maxLength: 12 });

describe("concurrent writers", () => {
  it("get checkpoint numbers without a gap, each once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), writers, async (scheduler, which) => {
        const { engines, observer } = scene(scheduler);
        const watching = new CheckpointStore(observer, new Journal(observer));
        await watching.createRun("r", "flow");
        const stores = engines.map((engine) => new CheckpointStore(engine, new Journal(engine)));
        const saved = await scheduler.waitFor(
          Promise.all(
            which.map((nth, writer) =>
              (stores[nth] as CheckpointStore).saveCheckpoint("r", "n", Uint8Array.of(writer)),
            ),
          ),
        );
        const numbers = saved.map(({ seq }) => seq).sort((left, right) => left - right);
        expect(numbers).toEqual(which.map((_, nth) => nth + 1));
        for (const [writer, { seq }] of saved.entries()) {
          const found = await watching.loadCheckpointAt("r", "n", seq);
          expect([...(found?.state ?? [])]).toEqual([writer]);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("claim a step once, and only the claim that holds completes it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), writers, async (scheduler, which) => {
        const { engines, observer } = scene(scheduler);
        const watching = new StepRunStore(observer, new Journal(observer));
        await watching.createRun("r", { workflow: "flow" });
        const stores = engines.map((engine) => new StepRunStore(engine, new Journal(engine)));
        const outcomes = await scheduler.waitFor(
          Promise.all(
            which.map(async (nth, writer) => {
              const store = stores[nth] as StepRunStore;
              const begun = await store.beginStep("r", "step", writer);
              // Who was skipped reports all the same, with a fence that he guesses.
              const fence = begun.execute ? begun.fence : 1 + (writer % 2);
              const taken = await store.completeStep("r/step", fence, writer).then(
                () => true,
                (error: { code: string }) => {
                  expect(error.code).toBe("E_STALE_STEP");
                  return false;
                },
              );
              return { begun, taken, writer };
            }),
          ),
        );
        expect(outcomes.filter(({ begun }) => begun.execute)).toHaveLength(1);
        const [winner, ...others] = outcomes.filter(({ taken }) => taken);
        expect(others).toEqual([]);
        const row = await watching.getStepRun("r", "step");
        expect(row).toMatchObject({ status: "completed", attempt: 1, output: winner?.writer });
      }),
      { numRuns: 200 },
    );
  });

  it("never meet a run in between when it is deleted and begun anew", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), writers, async (scheduler, which) => {
        const { engines, observer } = scene(scheduler);
        const watching = new CheckpointStore(observer, new Journal(observer));
        await watching.createRun("r", "flow");
        const [one, other] = engines.map(
          (engine) => new CheckpointStore(engine, new Journal(engine)),
        );
        const tolerated = (error: { code: string }): number => {
          expect(["E_RUN_NOT_FOUND", "E_RUN_ERASED"]).toContain(error.code);
          return 0;
        };
        const renewed = one?.deleteRun("r").then(() => one.createRun("r", "flow"));
        const numbers = await scheduler.waitFor(
          Promise.all([
            ...which.map((_, writer) =>
              other?.appendEvent("r", { type: `${writer}` }).catch(tolerated),
            ),
            renewed?.then(() => 0),
          ]),
        );
        const left = await watching.getEvents("r");
        expect(left.map(({ seq }) => seq)).toEqual(left.map((_, nth) => nth + 1));
        // Those of the new life are there under the numbers that their writers were told.
        for (const { seq, type } of left) expect(numbers[Number(type)]).toBe(seq);
      }),
      { numRuns: 200 },
    );
  });
});
