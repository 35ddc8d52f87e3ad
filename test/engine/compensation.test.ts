/** Undoing: what completed steps did is undone in reverse order when their run does not complete. */
import { describe, expect, it } from "vitest";
import { MemoryBackend, memoryStore } from "../../src/adapters/memory/store.ts";
import {
  graph,
  type Millrace,
  open,
  type RecordedEvent,
  TerminalError,
  workflow,
} from "../../src/index.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { systemIds } from "../../src/kernel/ids.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import { testRuntime } from "../../src/testing.ts";

async function eventsOf(millrace: Millrace, run: string): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const event of millrace.subscribe({ run })) events.push(event);
  return events;
}

const world = { clock: systemClock(), random: systemRandom, ids: systemIds };
const once = { retry: { maxAttempts: 1 } };

/** Three bookings, the last of which fails; what happened is written down. */
function trip(log: string[], options: { failingUndo?: string } = {}) {
  return workflow("trip", async (ctx) => {
    for (const name of ["flight", "hotel", "car"]) {
      await ctx.run(
        name,
        () => {
          if (name === "car") throw new TerminalError("no cars left");
          log.push(`book ${name}`);
          return { booking: name };
        },
        {
          ...once,
          undo: (_, result: { booking: string }) => {
            if (options.failingUndo === name) throw new TerminalError("too late");
            log.push(`undo ${result.booking}`);
          },
        },
      );
    }
  });
}

describe("compensation", () => {
  it("undoes completed steps of code in reverse order, then fails with the first error", async () => {
    const log: string[] = [];
    const booking = trip(log);
    await using millrace = await open({ store: "memory", workflows: [booking] });
    const run = await millrace.start(booking);
    await expect(run.result()).rejects.toMatchObject({ code: "E_RUN_FAILED" });
    expect(log).toEqual(["book flight", "book hotel", "undo hotel", "undo flight"]);
    const types = (await eventsOf(millrace, run.id)).map((event) => event.type);
    expect(types.indexOf("run.compensating")).toBeLessThan(types.lastIndexOf("step.completed"));
    expect(types.at(-1)).toBe("run.failed");
  });

  it("an undo that fails for good does not keep the others from being done", async () => {
    const log: string[] = [];
    const booking = trip(log, { failingUndo: "hotel" });
    await using millrace = await open({ store: "memory", workflows: [booking] });
    const run = await millrace.start(booking);
    await expect(run.result()).rejects.toThrow("no cars left");
    expect(log).toEqual(["book flight", "book hotel", "undo flight"]);
    const failed = (await eventsOf(millrace, run.id)).flatMap((event) =>
      event.type === "step.failed" ? [event.step] : [],
    );
    expect(failed).toEqual(["car", "hotel~undo"]);
  });

  it("keeps the reverse order though some undos fail, each tried as often as it may be", async () => {
    const log: string[] = [];
    const names = ["a", "b", "c", "d"];
    const flow = workflow("four", async (ctx) => {
      for (const name of names) {
        const undo = (): void => {
          log.push(`undo ${name}`);
          if (name === "b" || name === "d") throw new Error(`${name} cannot be undone`);
        };
        await ctx.run(name, () => log.push(name), { undo });
      }
      await ctx.run("fail", () => Promise.reject(new TerminalError("the fifth fails")));
    });
    // Undos are tried again after a while, which only simulated time skips.
    await using sim = await testRuntime({ workflows: [flow] });
    const run = await sim.start(flow);
    await expect(run.result()).rejects.toThrow("the fifth fails");
    expect(log).toEqual([
      ...names,
      ...["d", "c", "b", "a"].flatMap((name) =>
        Array<string>(name === "b" || name === "d" ? 4 : 1).fill(`undo ${name}`),
      ),
    ]);
    const ends = (await sim.events()).flatMap((event) =>
      /^step\.(completed|failed)$/.test(event.type) &&
      "step" in event &&
      event.step?.endsWith("~undo")
        ? [`${event.step} ${event.type.slice(5)}`]
        : [],
    );
    expect(ends).toEqual([
      ...["d~undo failed", "c~undo completed", "b~undo failed", "a~undo completed"],
    ]);
  });

  it("undoes steps and items of a graph when the run is cancelled, and ends as cancelled", async () => {
    const log: string[] = [];
    const shop = graph<number[]>("shop")
      .step("list", (_, items) => items)
      .map(
        "reserve",
        { over: "list", concurrency: 1, undo: (_, item: number) => void log.push(`undo ${item}`) },
        (_, item) => item * 10,
      )
      .step("pay", { needs: ["reserve"] }, (ctx) => {
        log.push("pay");
        return new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
      })
      .build();
    await using millrace = await open({ store: "memory", workflows: [shop], stopGrace: 0 });
    const run = await millrace.start(shop, [1, 2, 3]);
    await expect.poll(() => log.length).toBe(1);
    await run.cancel();
    await expect(run.result()).rejects.toMatchObject({ code: "E_RUN_CANCELLED" });
    expect(log).toEqual(["pay", "undo 30", "undo 20", "undo 10"]);
  });

  it("goes on in another process, and undoes nothing twice", async () => {
    const log: string[] = [];
    const booking = trip(log);
    const share = new MemoryBackend(world.clock);
    const openOne = (node: string) =>
      open({
        store: memoryStore({ namespace: "n", node, world, share }),
        node,
        workflows: [booking],
        stopGrace: 0,
      });
    const first = await openOne("first");
    const run = await first.start(booking, undefined, { id: "trip" });
    for await (const event of run.events()) {
      if (event.type === "step.completed" && event.step === "hotel~undo") break;
    }
    await first.close();
    await using second = await openOne("second");
    await expect(second.handle("trip").result()).rejects.toThrow("no cars left");
    expect(log.filter((line) => line.startsWith("undo"))).toEqual(["undo hotel", "undo flight"]);
  });

  it("a run that completes undoes nothing", async () => {
    const log: string[] = [];
    const fine = workflow("fine", async (ctx) =>
      ctx.run("a", () => 1, { undo: () => void log.push("undone") }),
    );
    await using millrace = await open({ store: "memory", workflows: [fine] });
    expect(await (await millrace.start(fine)).result()).toBe(1);
    expect(log).toEqual([]);
  });
});
