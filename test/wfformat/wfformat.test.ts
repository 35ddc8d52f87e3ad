// Recorded workflows: read, replayed with their real dependencies, and measured from the log.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { open, type RecordedEvent } from "../../src/index.ts";
import { isMillraceError } from "../../src/kernel/errors.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { checkLog } from "../../src/testing/checks/check-log.ts";
import { readInstance, type WfTask } from "../../src/wfformat/instance.ts";
import { boundsOf, measureReplay } from "../../src/wfformat/measure.ts";
import { costOf, type Replay, type ReplayOptions, replayOf } from "../../src/wfformat/replay.ts";

const TEXT = readFileSync(new URL("fixtures/cider.json", import.meta.url), "utf8");
const cider = readInstance(TEXT);

type Deep = { [key: string]: Deep } & Deep[];

/** The fixture, changed. */
function changed(change: (workflow: { specification: Deep; execution: Deep }) => void): string {
  const whole = JSON.parse(TEXT);
  change(whole.workflow);
  return JSON.stringify(whole);
}

async function run({ workflow }: Replay, slots: number, resources = {}): Promise<RecordedEvent[]> {
  const worker = { steps: slots };
  await using millrace = await open({
    store: "memory",
    workflows: [workflow],
    worker,
    resources,
    logger: silentLogger,
  });
  const events: RecordedEvent[] = [];
  for await (const event of (await millrace.start(workflow)).events()) events.push(event);
  expect(events.at(-1)?.type).toBe("run.completed");
  return events;
}

describe("a WfFormat instance", () => {
  it("is read with its times, costs, files and both kinds of edges", () => {
    expect(cider).toMatchObject({ name: "cider", cores: 4 });
    const task = (id: string): WfTask | undefined => cider.tasks.find((one) => one.id === id);
    expect(task("press.2")).toEqual({
      id: "press.2",
      seconds: 30,
      cores: 1,
      memoryBytes: 300_000_000,
      needs: ["pick"],
      reads: new Map([["pick", [{ name: "crate-2", bytes: 150_000_000 }]]]),
      writes: [{ name: "juice-2", bytes: 110_000_000 }],
    });
    expect(task("weather")).toMatchObject({ seconds: 0, cores: 1, memoryBytes: 0, needs: [] });
    // Nobody calls the label a parent: bottle reads what it writes.
    expect(task("bottle")?.needs).toEqual(["blend", "label"]);
  });

  it.each<[string, string, RegExp]>([
    ["no JSON", "{", /no JSON/],
    ["a list", "[]", /the file is no object/],
    [
      "another version",
      '{"name":"w","schemaVersion":"1.3","workflow":{"tasks":[]}}',
      /1\.3.*convert/,
    ],
    [
      "a task that was not executed",
      changed((w) => w.execution["tasks"]?.pop()),
      /weather is in the spec/,
    ],
    [
      "a parent that is not there",
      changed((w) => w.specification["tasks"]?.shift()),
      /pick is to come before/,
    ],
    [
      "a task twice",
      changed((w) => w.specification["tasks"]?.push(w.specification["tasks"][0] as Deep)),
      /pick twice/,
    ],
  ])("is refused when it is %s", (_what, text, message) => {
    try {
      readInstance(text);
    } catch (error) {
      if (!isMillraceError(error, "E_DEF_INVALID")) throw error;
      return expect(error.message).toMatch(message);
    }
    expect.unreachable("was taken");
  });

  it("that goes round is refused", () => {
    const round = changed((w) => {
      const [first] = w.specification["tasks"] as unknown as { parents: string[] }[];
      first?.parents.push("blend");
    });
    expect(() => replayOf(readInstance(round), { scale: 1 })).toThrow(/in a circle/);
  });
});

describe("a replay", () => {
  const options: ReplayOptions = { scale: 0.001, byteScale: 1e-6 };
  const replay = replayOf(cider, options);

  it("has a step per task, named as well as names can be", () => {
    const names = replay.workflow.plan.steps.map(({ name }) => name);
    expect(names.slice(0, 3)).toEqual(["pick", "press_1", "press_2"]);
    // Names that differ by case only would be one.
    expect(names).toContain("bottle");
    expect(names).toContain("Bottle-2");
  });

  it("runs every task after all that it needs, and hands on its files", async () => {
    const events = await run(replay, 3);
    const ended = new Set<string>();
    const files = new Map<string, unknown>();
    for (const event of events) {
      if (event.type === "step.started") {
        for (const need of replay.tasks.get(event.step)?.needs ?? []) expect(ended).toContain(need);
      }
      if (event.type !== "step.completed") continue;
      ended.add(replay.tasks.get(event.step)?.id ?? "");
      if ("json" in event.output) files.set(event.step, event.output.json);
    }
    expect(ended.size).toBe(cider.tasks.length);
    expect(files.get("blend")).toEqual({ cuvee: { bytes: 700_000_000, content: "x".repeat(700) } });
  });

  it("is measured from the log", async () => {
    const events = await run(replay, 3);
    const measures = measureReplay(events, replay.tasks, { scale: 0.001, slots: 3 });
    expect(measures).toMatchObject({ tasks: 12, slots: 3, criticalPathMs: 75, workMs: 234 });
    expect(measures.makespanMs).toBeGreaterThanOrEqual(75);
    expect(measures.peakMemoryBytes).toBeGreaterThanOrEqual(900_000_000);
  });

  it("takes no more slots and memory than there are, at any event of the log", async () => {
    const capacity = { slots: 3, memory: 700_000_000 };
    const cost = costOf(capacity);
    const four = { ...cider, tasks: cider.tasks.map((task) => ({ ...task, cores: 1.5 })) };
    expect(four.tasks.map(cost).every((takes) => takes?.["steps"] === 2)).toBe(true);
    const costly = replayOf(cider, { ...options, resources: cost });
    const events = await run(costly, capacity.slots, { memory: capacity.memory });
    const measures = measureReplay(events, costly.tasks, { scale: 0.001, slots: 3 });
    expect(measures.peakSlots).toBeLessThanOrEqual(3);
    expect(measures.peakMemoryBytes).toBeLessThanOrEqual(capacity.memory);
    expect(measures.peakMemoryBytes).toBeGreaterThan(0);
    expect(checkLog(events)).toEqual([]);
  });
});

describe("the bounds of a schedule", () => {
  const tasksOf = (needs: readonly (readonly number[])[], seconds: readonly number[]) =>
    new Map(
      needs.map((all, at) => {
        const task: WfTask = {
          id: `t${at}`,
          seconds: seconds[at] ?? 0,
          cores: 1,
          memoryBytes: 0,
          needs: all.map((need) => `t${need}`),
          reads: new Map(),
          writes: [],
        };
        return [task.id, task];
      }),
    );

  it("are exact where they can be told by hand", () => {
    const diamond = tasksOf([[], [0], [0], [1, 2]], [1, 2, 5, 1]);
    expect(boundsOf(diamond, 0.01, 2)).toEqual({
      criticalPathMs: 70,
      workMs: 90,
      lowerBoundMs: 70,
      grahamBoundMs: 80,
    });
    const wide = tasksOf([[], [], [], []], [1, 1, 1, 1]);
    expect(boundsOf(wide, 1, 2)).toMatchObject({ lowerBoundMs: 2_000, grahamBoundMs: 2_500 });
  });

  it("hold for any schedule that leaves no slot idle while a task is ready", () => {
    const graphs = fc.integer({ min: 1, max: 20 }).chain((size) =>
      fc.record({
        needs: fc.tuple(
          ...Array.from({ length: size }, (_, at) =>
            fc.subarray(Array.from({ length: at }, (_unused, before) => before)),
          ),
        ),
        seconds: fc.array(fc.nat(9), { minLength: size, maxLength: size }),
        slots: fc.integer({ min: 1, max: 4 }),
      }),
    );
    fc.assert(
      fc.property(graphs, ({ needs, seconds, slots }) => {
        const tasks = tasksOf(needs, seconds);
        const { lowerBoundMs, grahamBoundMs } = boundsOf(tasks, 1, slots);
        const makespan = 1_000 * greedy(needs, seconds, slots);
        expect(makespan).toBeGreaterThanOrEqual(lowerBoundMs);
        expect(makespan).toBeLessThanOrEqual(grahamBoundMs + 1e-6);
      }),
    );
  });
});

/** How long a list schedule takes: second by second, the first that is ready goes first. */
function greedy(
  needs: readonly (readonly number[])[],
  seconds: readonly number[],
  slots: number,
): number {
  const ends = new Map<number, number>();
  for (let now = 0; ; now++) {
    let running = [...ends.values()].filter((end) => end > now).length;
    let begun = true;
    while (begun) {
      begun = false;
      for (const [task, all] of needs.entries()) {
        const ready = all.every((need) => (ends.get(need) ?? Number.POSITIVE_INFINITY) <= now);
        if (ends.has(task) || !ready || running >= slots) continue;
        ends.set(task, now + (seconds[task] ?? 0));
        if ((seconds[task] ?? 0) > 0) running++;
        begun = true;
      }
    }
    if (ends.size === needs.length) return Math.max(...ends.values());
  }
}
