// From events to attempts in time: where each was made, how it ended, and who hosted the run.
import { expect, it } from "vitest";
import type { MillraceEvent, RecordedEvent } from "../../src/events/vocabulary.ts";
import { timelineOf } from "../../src/projections/timeline.ts";

const recorded = (...events: MillraceEvent[]): RecordedEvent[] =>
  events.map((event) => ({ ...event, run: "r", workflow: "w" }) as RecordedEvent);

const started = (at: number, step: string, attempt: number, node: string): MillraceEvent => ({
  type: "step.started",
  at,
  step,
  attempt,
  node,
});
const claimed = (at: number, epoch: number, node: string): MillraceEvent => ({
  type: "run.claimed",
  at,
  epoch,
  node,
  lease: "",
});
const lost = { code: "E_STEP_LOST", message: "gone" };
const broken = { code: "E", message: "broken" };
const output = { json: null };
const BEGIN = recorded(claimed(10, 1, "n1"), started(11, "a", 1, "n2"), started(12, "b", 1, "n1"));

it("has every attempt with its end, and lost ones apart from failed ones", () => {
  const { attempts } = timelineOf([
    ...BEGIN,
    ...recorded(
      { type: "step.retrying", at: 20, step: "a", attempt: 1, error: lost, retryAt: 20 },
      { type: "step.retrying", at: 21, step: "b", attempt: 1, error: broken, retryAt: 21 },
      started(22, "a", 2, "n3"),
      started(23, "b", 2, "n1"),
      { type: "step.completed", at: 30, step: "a", attempt: 2, output },
      { type: "step.failed", at: 31, step: "b", attempt: 2, error: lost },
      // Nothing of these runs: they end nothing.
      { type: "step.skipped", at: 32, step: "c", reason: "it is not needed" },
      { type: "step.failed", at: 33, step: "b", attempt: 2, error: broken, by: "me" },
    ),
  ]);
  expect(attempts.map(({ why: _, ...rest }) => Object.values(rest))).toEqual([
    ["a", 1, "n2", 11, 20, "lost"],
    ["b", 1, "n1", 12, 21, "failed"],
    ["a", 2, "n3", 22, 30, "completed"],
    ["b", 2, "n1", 23, 31, "lost"],
  ]);
  expect(attempts[1]?.why).toBe("E: broken");
});

it("has who hosted the run, also over a takeover and a pause", () => {
  const { hostings, nodes } = timelineOf([
    ...BEGIN,
    ...recorded(
      { type: "run.parked", at: 40, reason: "waits for a signal", until: null },
      claimed(50, 2, "n4"),
      claimed(60, 3, "n1"),
    ),
  ]);
  expect(hostings).toEqual([
    { node: "n1", epoch: 1, from: 10, to: 40 },
    { node: "n4", epoch: 2, from: 50, to: 60 },
    { node: "n1", epoch: 3, from: 60, to: 60 },
  ]);
  expect(nodes).toEqual(["n1", "n2", "n4"]);
});

it("goes on until now while the run does, and ends what runs with the run", () => {
  const live = timelineOf(BEGIN, 100);
  expect(live).toMatchObject({ endedBy: null, from: 10, to: 100 });
  expect(live.attempts[0]).toMatchObject({ to: 100, end: "running" });
  const over = timelineOf(
    [...BEGIN, ...recorded({ type: "run.terminated", at: 50, by: "me", reason: "" })],
    100,
  );
  expect(over).toMatchObject({ endedBy: "run.terminated", from: 10, to: 50 });
  expect(over.attempts[0]).toMatchObject({ to: 50, end: "cancelled" });
});

it("of nothing is nothing", () => {
  expect(timelineOf([])).toMatchObject({ run: "", nodes: [], attempts: [], from: 0, to: 0 });
});
