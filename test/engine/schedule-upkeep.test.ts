// What schedules come through: records that have become long, tickets that were lost, runs that were erased,
// processes without the code.
import { expect, it } from "vitest";
import { Catalog } from "../../src/engine/hosting/catalog.ts";
import { Projector } from "../../src/engine/reading/projector.ts";
import { Schedules, scheduleTicket } from "../../src/engine/records/schedules.ts";
import { tendSchedule } from "../../src/engine/records/tend-schedules.ts";
import { type Millrace, type Workflow, workflow } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import { pause } from "../../src/kernel/clock.ts";
import type { Store } from "../../src/ports/store.ts";
import { runSummary } from "../../src/projections/run-summary.ts";
import { engineOf } from "../stores/places.ts";
import { faulty } from "./kit/faulty.ts";
import { only, onStores, onVirtualTime, until, world } from "./kit/scene.ts";

const SECOND = 1_000;
/** When virtual time begins. */
const START = 1_700_000_000_000;
const job = workflow("job", () => "done");

onVirtualTime("a schedule", (scene, time) => {
  const process = (
    workflows: readonly Workflow[] = [job],
    wrap = (store: Store): Store => store,
  ): Promise<Millrace> => {
    const timed = { ...world, clock: time(), upkeep: time().upkeep };
    return scene().open({ world: timed, workflows, leaseMs: 600 * SECOND, wrap });
  };

  it("goes on in a new generation when its record has become long, as if nothing had been", async () => {
    const millrace = await process();
    await time().until(millrace.schedules.put({ id: "s", workflow: job, every: "1s" }));
    await time().pass(140 * SECOND);
    const events = await scene().log();
    const runs = new Set(only(events, "run.created").map(({ run }) => run));
    expect(runs.size).toBe(140);
    const generations = only(events, "ledger.opened").filter(({ name }) => name === "s");
    expect(generations).toMatchObject([{ generation: 2, state: {} }]);
    const views = await time().until(millrace.schedules.list());
    expect(views).toEqual([await time().until(millrace.schedules.get("s"))]);
    expect(views).toMatchObject([{ started: 140, skipped: 0 }]);
    // A process that comes later finds the same in the log.
    const later = await process([]);
    expect(await time().until(later.schedules.list())).toEqual(views);
  });

  it("starts one run for a tick that is delivered several times at once, to several processes", async () => {
    const { schedules } = await process([]);
    await time().until(schedules.put({ id: "s", workflow: job, every: "10s", jitter: "3s" }));
    await time().pass(10 * SECOND);
    const ticket = scheduleTicket("s", { workflow: "job" });
    const none = async (): Promise<void> => undefined;
    const claim = { ticket, token: "", extend: async () => true, ack: none, release: none };
    const tended = [];
    for (const node of ["one", "two", "three"]) {
      const engine = engineOf(await scene().store(node), node, { ...world, clock: time() });
      const parts = {
        engine,
        catalog: new Catalog([job]),
        summaries: new Projector(engine, runSummary),
        schedules: new Schedules(engine),
      };
      for (const _twice of [1, 2]) tended.push(tendSchedule(parts, "s", claim));
    }
    await time().until(Promise.all(tended));
    const events = await scene().log();
    expect(only(events, "schedule.ticked")).toHaveLength(1);
    expect(only(events, "run.created")).toHaveLength(1);
  });

  it("is looked after again a moment after whoever did it met a fault", async () => {
    let begun = 0;
    const wrap = faulty({
      log: (log) => ({
        append(frame, signal) {
          const isFault = frame.workflow === "job" && begun++ === 0;
          return isFault ? Promise.reject(new Error("no memory")) : log.append(frame, signal);
        },
      }),
    });
    const millrace = await process([job], wrap);
    await time().until(millrace.schedules.put({ id: "s", workflow: job, every: "10s" }));
    await time().pass(12 * SECOND);
    expect(begun).toBeGreaterThan(1);
    expect(only(await scene().log(), "run.completed")).toHaveLength(1);
  });

  it("has its ticket given back by the sweep when that was lost", async () => {
    const millrace = await process();
    await time().until(millrace.schedules.put({ id: "s", workflow: job, every: "90s" }));
    await time().pass(100 * SECOND);
    const before = only(await scene().log(), "schedule.ticked").length;
    const { run } = scheduleTicket("s", { workflow: "job" });
    await time().until(millrace.store.queue.remove(run));
    await time().pass(SECOND);
    const ticked = async (): Promise<boolean> =>
      only(await scene().log(), "schedule.ticked").length > before;
    expect(await time().when(ticked, 300 * SECOND)).toBe(true);
  });

  it("does not wait for a run that was erased", async () => {
    const never = workflow("never", (ctx) => ctx.waitFor("nothing"));
    const millrace = await process([never]);
    await time().until(millrace.schedules.put({ id: "s", workflow: never, every: "10s" }));
    await time().pass(35 * SECOND);
    const [first = "", ...none] = only(await scene().log(), "run.created").map(({ run }) => run);
    expect(none).toEqual([]);
    expect(await time().until(millrace.store.log.erase(first))).toBe(true);
    await time().pass(20 * SECOND);
    const { open, skipped } = await time().until(millrace.schedules.get("s"));
    expect(open.map(({ run }) => run)).not.toContain(first);
    expect([open.length, skipped > 0]).toEqual([1, true]);
  });

  it("waits until the last of the runs has ended that go on for one of its own", async () => {
    const chain = workflow("chain", async (ctx, round: number) => {
      await ctx.run("work", () => pause(time(), 7 * SECOND));
      return round < 2 ? ctx.continueAsNew(round + 1) : round;
    });
    const millrace = await process([chain]);
    const declaration = { id: "s", workflow: chain, input: 0, every: "10s" } as const;
    await time().until(millrace.schedules.put(declaration));
    const began = async (): Promise<number[]> =>
      only(await scene().log(), "step.started").map(({ at }) => (at - START) / SECOND);
    await time().pass(55 * SECOND);
    // The tick at 10 has work until 31, so 40 is the next.
    expect(await began()).toEqual([10, 17, 24, 40, 47, 54]);
    await time().until(millrace.schedules.trigger("s", { overlap: "buffer-all" }));
    await time().pass(10 * SECOND);
    expect(await began()).toEqual([10, 17, 24, 40, 47, 54, 61]);
  });
});

onStores("a schedule whose workflow only some have", (scene) => {
  it("is left to those; steps elsewhere know the tick of their run", async () => {
    const seen = deferred<unknown>();
    const look = (): typeof job =>
      workflow("job", (ctx) =>
        ctx.run("look", (step) => seen.resolve([step.node, step.run.tick]), { node: "there" }),
      ) as never;
    const client = await scene().open({ workflows: [workflow("other", () => "other")] });
    await scene().open({ node: "here", workflows: [look()] });
    await client.schedules.put({ id: "s", workflow: "job", cron: "0 3 * * *" });
    const run = await client.schedules.trigger("s", { id: "now" });
    await until("the run has begun", async () => (await client.list()).length > 0);
    await pause(world.clock, 20);
    await scene().open({ node: "there", workflows: [look()] });
    expect(await seen.promise).toMatchObject(["there", { schedule: "s", order: "now" }]);
    await client.handle(run).result();
  });
});
