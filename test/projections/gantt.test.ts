// A chart says what its timeline says, whatever the names; it is well-formed, and no bar hides another.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ganttSvg } from "../../src/projections/gantt.ts";
import type { Timeline, TimelineAttempt } from "../../src/projections/timeline.ts";
import { readChart } from "../support/chart.ts";

const NAMES = fc.oneof(
  fc.constantFrom("resize[3]", "a", "t".repeat(128)),
  fc.string({ unit: "binary", maxLength: 8 }),
);

const attempts: fc.Arbitrary<TimelineAttempt> = fc
  .record({
    step: NAMES,
    attempt: fc.integer({ min: 1, max: 9 }),
    node: fc.constantFrom('<one> & "only"', "atlas", "n".repeat(60)),
    from: fc.integer({ min: 0, max: 5_000 }),
    takes: fc.integer({ min: 0, max: 3_000 }),
    end: fc.constantFrom("completed", "failed", "lost", "cancelled", "running"),
    why: fc.option(NAMES),
  })
  .map(({ takes, ...rest }) => ({ ...rest, to: rest.from + takes }) as TimelineAttempt);

const timelines: fc.Arbitrary<Timeline> = fc.array(attempts, { maxLength: 30 }).map((some) => {
  const sorted = some.sort((a, b) => a.from - b.from);
  return {
    run: "r]]>1",
    workflow: "w",
    endedBy: "run.completed",
    from: 0,
    to: Math.max(0, ...sorted.map(({ to }) => to)),
    nodes: [...new Set(sorted.map(({ node }) => node))].sort(),
    attempts: sorted,
    hostings: [],
  };
});

/** What XML cannot say is not there. */
const sayable = (text: string): string =>
  text.replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, "\u{FFFD}");

describe("a Gantt chart", () => {
  it("has a bar for every attempt, in the lane of its node, as long as it was", () => {
    fc.assert(
      fc.property(timelines, (timeline) => {
        const { bars, nodes, width } = readChart(ganttSvg(timeline));
        expect(nodes).toEqual(timeline.nodes);
        expect(bars.length).toBe(timeline.attempts.length);
        const all = timeline.nodes.flatMap((node) =>
          timeline.attempts.filter((one) => one.node === node),
        );
        const perMs = (width - 16 - 166) / Math.max(1, timeline.to);
        for (const [nth, bar] of bars.entries()) {
          const { step, attempt, node, end, from, to } = all[nth] as TimelineAttempt;
          expect(bar).toMatchObject({ step: sayable(step), attempt, node, end });
          expect(bar.crossed).toBe(end === "lost");
          expect(bar.left).toBeCloseTo(166 + from * perMs, 1);
          expect(bar.right).toBeCloseTo(166 + Math.max(to * perMs, from * perMs + 1), 1);
          expect(bar.title).toContain(`attempt ${attempt} on ${node}`);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("puts bars that overlap in time into different rows, and uses no row that is not needed", () => {
    fc.assert(
      fc.property(timelines, (timeline) => {
        const { bars } = readChart(ganttSvg(timeline));
        for (const node of timeline.nodes) {
          const own = timeline.attempts.filter((one) => one.node === node);
          const drawn = bars.filter((bar) => bar.node === node);
          for (const [a, one] of own.entries()) {
            for (const [b, other] of own.entries()) {
              if (a >= b || drawn[a]?.row !== drawn[b]?.row) continue;
              expect(one.to <= other.from || other.to <= one.from).toBe(true);
            }
          }
          const most = own.map(
            (it, nth) => own.slice(0, nth).filter(({ to }) => to > it.from).length + 1,
          );
          expect(Math.max(...drawn.map(({ row }) => row)) + 1).toBe(Math.max(...most));
        }
      }),
      { numRuns: 50 },
    );
  });

  it("tells those who do not see it what happened", () => {
    const attempt = {
      step: "a",
      attempt: 1,
      node: "n1",
      from: 1_000,
      to: 1_250,
      why: null,
    } as const;
    const chart = readChart(
      ganttSvg({
        run: "r1",
        workflow: "w",
        endedBy: "run.completed",
        from: 1_000,
        to: 3_000,
        nodes: ["n1", "n2"],
        attempts: [
          { ...attempt, end: "lost", why: "E_STEP_LOST: gone" },
          { ...attempt, node: "n2", attempt: 2, from: 1_250, to: 3_000, end: "completed" },
        ],
        hostings: [{ node: "n2", epoch: 1, from: 1_000, to: 3_000 }],
      }),
    );
    expect(chart.title).toBe("Run r1 of w: 2 s");
    expect(chart.description).toBe(
      "2 attempts on 2 nodes (n1, n2): 1 completed, 1 lost with its node; ended by run.completed. " +
        "a, attempt 1 on n1: lost with its node (E_STEP_LOST: gone), 0 s to 0.25 s.",
    );
    expect(chart.axis.slice(0, 2)).toEqual(["0 s", "0.2 s"]);
    expect(chart.axis.at(-1)).toBe("2 s");
    expect(chart.legend).toEqual(["completed", "lost with its node", "hosts the run"]);
  });
});
